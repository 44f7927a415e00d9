#include "cli/commands.hpp"
#include "cli/context.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/store/image_store.hpp"

namespace sandbox::cli {
namespace {

int run(Context& context, const Invocation&) {
    for (const store::ImageRecord& record : store::ImageStore(context.store()).list()) {
        context.out.line((record.reference ? record.reference->familiar() : "<none>") + "  " +
                         record.id.short_hex() + "  " + base::format_size(record.size_bytes));
    }
    return 0;
}

int run_exists(Context& context, const Invocation& in) {
    return store::ImageStore(context.store()).try_find(in.arguments()[0]) ? 0 : 1;
}

}  // namespace

constinit const Command kImagesCommand = {
    .names = "images,image ls,image list",
    .arguments = "[NAME]",
    .summary = "List images",
    .flags = {},
    .min_arguments = 0,
    .max_arguments = 1,
    .run = run,
    .completes = Completes::images,
};
constinit const Command kImageExistsCommand = {
    .names = "image exists",
    .arguments = "IMAGE",
    .summary = "Answer by the exit code whether an image is there",
    .flags = {},
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run_exists,
    .completes = Completes::images,
};

}  // namespace sandbox::cli

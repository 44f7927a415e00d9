#include <algorithm>

#include "cli/commands.hpp"
#include "cli/context.hpp"
#include "cli/documents.hpp"
#include "cli/image_filter.hpp"
#include "cli/listing_flags.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::cli {
namespace {

using base::json::Value;
using store::ImageRecord;

constexpr Flag kFlags[] = {
    {"-a,--all", FlagKind::toggle, "", "accepted: there are no images in between"},
    {"--digests", FlagKind::toggle, "", "show the digests"},
    kFilterFlag,
    kFormatFlag,
    kNoTruncFlag,
    kNoHeadingFlag,
    kQuietFlag,
    kSortFlag,
};

Value id(const ImageRecord& image, const ListFlags& flags) {
    return flags.no_trunc ? image.id.str() : image.id.short_hex();
}
Value repository(const ImageRecord& image, const ListFlags&) {
    return image.reference ? image.reference->familiar_name() : "<none>";
}
Value tag(const ImageRecord& image, const ListFlags&) {
    return image.reference && image.reference->tag() ? *image.reference->tag() : "<none>";
}
Value digest(const ImageRecord& image, const ListFlags&) {
    return shown_digest(image).str();
}
Value created(const ImageRecord& image, const ListFlags&) {
    return since(image.created);
}
Value created_at(const ImageRecord& image, const ListFlags&) {
    return go_time(image.created);
}
Value created_key(const ImageRecord& image) {
    return -image.created;  // the newest first, as the table does without --sort
}
Value size(const ImageRecord& image, const ListFlags&) {
    return base::format_size(image.size_bytes);
}
Value size_key(const ImageRecord& image) {
    return image.size_bytes;
}
Value labels(const ImageRecord& image, const ListFlags&) {
    return labels_text(image.labels);
}
Value label(const ImageRecord& image, const ListFlags&) {
    return image.labels;
}
Value platform(const ImageRecord& image, const ListFlags&) {
    return image.platform.str();
}

constexpr Field<ImageRecord> kFields[] = {
    {"ID", "IMAGE ID", id},
    {"Repository", "REPOSITORY", repository},
    {"Tag", "TAG", tag},
    {"Digest", "DIGEST", digest},
    {"Created", "CREATED", created, created_key},
    {"CreatedAt", "CREATED AT", created_at, created_key},
    {"CreatedSince", "CREATED", created, created_key},
    {"Size", "SIZE", size, size_key},
    {"VirtualSize", "SIZE", size, size_key},
    {"Labels", "LABELS", labels},
    {"Label", "LABEL", label, nullptr, false},
    {"Platform", "PLATFORM", platform},
};

int run(Context& context, const Invocation& in) {
    const Filters filters = parse_image_filters(in.list("filter"));
    ListFlags flags = list_flags(in);
    std::vector<ImageRecord> images =
        filter_images(context.store(), store::ImageStore(context.store()).list(), filters,
                      in.arguments().empty() ? "" : in.arguments()[0]);
    std::stable_sort(images.begin(), images.end(), [](const ImageRecord& a, const ImageRecord& b) {
        return a.created > b.created;
    });
    if (flags.quiet) {
        // One line an image, however many names it has.
        std::vector<ImageRecord> once;
        for (ImageRecord& image : images) {
            const auto same = [&](const ImageRecord& other) { return other.id == image.id; };
            if (std::none_of(once.begin(), once.end(), same)) once.push_back(std::move(image));
        }
        images = std::move(once);
    }
    std::vector<std::string_view> columns{"Repository", "Tag", "ID", "CreatedSince", "Size"};
    if (in.toggle("digests")) columns.insert(columns.begin() + 2, "Digest");
    context.out.write(render_listing<ImageRecord>({kFields, columns, "ID"}, images, flags));
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
    .flags = kFlags,
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

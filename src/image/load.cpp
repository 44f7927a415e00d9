#include <utility>

#include "archive_image.hpp"
#include "interrupt.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/image/pull.hpp"
#include "sandbox/image/remove.hpp"
#include "sandbox/store/event_log.hpp"

namespace sandbox::image {

std::vector<store::ImageRecord> load(const store::Store& store, int in_fd,
                                     const PullOptions& options) {
    Progress silent;
    Progress& progress = options.progress != nullptr ? *options.progress : silent;
    remove_leftovers(store);
    // Reading comes before the guard: a pipe without end is left by Ctrl-C as any other program is.
    const std::unique_ptr<ImageFiles> files = open_image_files(store, in_fd);
    const std::vector<LocalImage> images =
        read_local_images(*files, "", options.platform ? *options.platform : oci::Platform::host());
    const InterruptGuard interrupt;
    std::vector<store::ImageRecord> records;
    try {
        for (const LocalImage& local : images) {
            const store::ImageRecord record = install_local(store, local, progress, interrupt);
            if (local.image.names.empty()) records.push_back(record);
            for (const oci::Reference& name : local.image.names) {
                records.push_back(record);
                records.back().reference = name;
            }
        }
    } catch (const base::Error&) {
        progress.finished();
        interrupt.check();
        throw;
    }
    progress.finished();
    for (const store::ImageRecord& record : records) {
        store::append_event(store,
                            store::image_event("load", record.id.str(),
                                               record.reference ? record.reference->str() : ""));
    }
    return records;
}

}  // namespace sandbox::image

// export: the container's root as one tar, without what is mounted into it.
#include <fcntl.h>

#include "engine/container_events.hpp"
#include "engine/container_record.hpp"
#include "engine/files/changes.hpp"
#include "engine/files/copy_sides.hpp"
#include "engine/files/open_container.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/engine/files.hpp"

namespace sandbox::engine {
namespace {

namespace raw = base::raw;

// A copy of the root's mount alone: without volumes, binds, /proc, /sys, /dev and our /etc files.
base::UniqueFd open_bare_root() {
    constexpr unsigned kCloneTree = 1u;  // OPEN_TREE_CLONE
    const int rc = raw::open_tree(AT_FDCWD, "/", kCloneTree | O_CLOEXEC);
    if (rc < 0) throw base::SysError(-rc, "look at the container's root without its mounts");
    const base::UniqueFd tree(rc);
    return base::open_at(tree.get(), ".", O_RDONLY | O_DIRECTORY);
}

}  // namespace

image::FileReport export_container(const store::Store& store, const std::string& name, int out_fd) {
    OpenContainer container = open_container(store, name);
    image::OwnerBook owners;
    if (record_rootfs(container.entry.record).mode == store::LayerMode::single) {
        owners = image::load_owner_book(ChangeSources(store, container).layer_dirs());
    }
    tell_container(store, container.entry.id, container.entry.record, "export");
    const image::OwnerTable table = image::load_owner_table(container.dir.get());
    const std::unique_ptr<WorkPlace> place = make_place(store, container, Mounts::without);
    Worker worker = Worker::start(*place, [&](const WorkerLink& link) {
        const base::UniqueFd root = open_bare_root();
        image::confine_file_work(image::kFileCapabilities, {link.fd(), out_fd, root.get()});
        image::ArchiveOptions options;
        options.nanoseconds = false;
        options.owners = &owners;
        options.table = &table;
        image::TreeArchive archive(out_fd, options);
        for (const std::string& entry : base::list_dir(root.get())) {
            archive.add(root.get(), entry, entry, entry);
        }
        return report_words(archive.finish());
    });
    return parse_report(worker.receive());
}

}  // namespace sandbox::engine

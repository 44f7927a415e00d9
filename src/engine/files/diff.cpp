// diff: what a container's tree has that its image has not, as docker lists it. A directory that
// was there is listed when it differs itself, or when a name in it came or went.
#include <fcntl.h>

#include <algorithm>
#include <array>

#include "engine/files/changes.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/pipe.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/engine/files.hpp"
#include "sandbox/image/tree_archive.hpp"

namespace sandbox::engine {
namespace {

namespace raw = base::raw;

constexpr size_t kMaxListBytes = 512u << 20;
constexpr size_t kBufferBytes = 64u << 10;

char letter(ChangeKind kind) {
    switch (kind) {
        case ChangeKind::changed:
            return 'C';
        case ChangeKind::added:
            return 'A';
        case ChangeKind::deleted:
            return 'D';
    }
    return 'C';
}

// Writes "A/path\0" for each change. Directories wait until it is known whether they count.
class ListVisitor final : public image::ChangeVisitor {
  public:
    explicit ListVisitor(int out_fd) : out_fd_(out_fd) {}

    void found(int /*parent_fd*/, const std::string& /*name*/, const std::string& path, Kind kind,
               bool is_dir, bool differs) override {
        if (kind == Kind::added) {
            write_dirs(true);
        } else if (!is_dir) {
            write_dirs(false);
        }
        if (is_dir) {
            open_.push_back({path, kind == Kind::added, differs, false});
            if (differs) write_dirs(false);
        } else {
            write(kind == Kind::added ? ChangeKind::added : ChangeKind::changed, path);
        }
    }

    void deleted(const std::string& path) override {
        write_dirs(true);
        write(ChangeKind::deleted, path);
    }

    void end_of_dir(const std::string& /*path*/) override { open_.pop_back(); }

    void finish() {
        base::write_all(out_fd_, buffer_);
        buffer_.clear();
    }

  private:
    struct OpenDir {
        std::string path;
        bool added;
        bool differs;
        bool written;
    };

    // Those that count by themselves; the innermost one also when a name in it came or went.
    void write_dirs(bool names_changed) {
        for (size_t i = 0; i < open_.size(); ++i) {
            OpenDir& dir = open_[i];
            const bool counts = dir.differs || (names_changed && i + 1 == open_.size());
            if (dir.written || !counts) continue;
            dir.written = true;
            write(dir.added ? ChangeKind::added : ChangeKind::changed, dir.path);
        }
    }

    void write(ChangeKind kind, const std::string& path) {
        buffer_ += letter(kind);
        buffer_ += '/';
        buffer_ += path;
        buffer_ += '\0';
        if (buffer_.size() > kBufferBytes) finish();
    }

    int out_fd_;
    std::string buffer_;
    std::vector<OpenDir> open_;
};

std::vector<FileChange> parse_list(const std::string& text) {
    std::vector<FileChange> changes;
    for (const std::string& record : base::split(text, '\0')) {
        if (record.size() < 2) continue;
        const ChangeKind kind = record[0] == 'A'   ? ChangeKind::added
                                : record[0] == 'D' ? ChangeKind::deleted
                                                   : ChangeKind::changed;
        changes.push_back({kind, record.substr(1)});
    }
    return changes;
}

}  // namespace

std::vector<FileChange> diff_container(const store::Store& store, const std::string& name) {
    const OpenContainer container = open_container(store, name);
    ChangeSources sources(store, container);
    base::Pipe pipe = base::make_pipe();
    OwnerPlace place(files_id_map(container.entry.record));
    Worker worker = Worker::start(place, [&](const WorkerLink& link) {
        const image::ChangedTree tree = sources.open();
        std::vector<int> keep = sources.numbers();
        keep.push_back(link.fd());
        keep.push_back(pipe.write_end.get());
        image::confine_file_work(image::kFileCapabilities, keep);
        ListVisitor visitor(pipe.write_end.get());
        image::walk_changes(tree, visitor);
        visitor.finish();
        return base::json::Value(true);
    });
    pipe.write_end.reset();
    const std::string list = base::read_fd(pipe.read_end.get(), kMaxListBytes);
    (void)worker.receive();
    return parse_list(list);
}

}  // namespace sandbox::engine

// cp: two workers and a pipe between them. The parent only decides who works where, and touches no
// byte of what is copied.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <memory>

#include "engine/container_events.hpp"
#include "engine/container_record.hpp"
#include "engine/files/copy_sides.hpp"
#include "engine/files/open_container.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/pipe.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/engine/files.hpp"

namespace sandbox::engine {
namespace {

namespace json = base::json;
namespace raw = base::raw;
using base::UniqueFd;

constexpr size_t kPipeBytes = 1u << 20;

image::OwnerBook owners_of(const store::Store& store, const json::Value& record) {
    std::vector<UniqueFd> layers;
    std::vector<int> fds;
    for (const std::string& name : record["layers"].strings()) {
        layers.push_back(
            base::open_at(store.layers_fd(), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
        fds.push_back(layers.back().get());
    }
    return image::load_owner_book(fds);
}

void append(image::FileReport& all, image::FileReport more) {
    all.bytes = std::max(all.bytes, more.bytes);
    for (auto* lines : {&more.notices, &more.failures}) {
        auto& target = lines == &more.notices ? all.notices : all.failures;
        target.insert(target.end(), lines->begin(), lines->end());
    }
}

class Copy {
  public:
    Copy(const store::Store& store, const CopyRequest& request)
        : store_(store), request_(request) {}

    image::FileReport run() {
        if (!request_.from.container && !request_.to.container) {
            throw base::UsageError("must specify at least one container source or destination",
                                   "write it as CONTAINER:PATH");
        }
        if (request_.from.container) from_ = open_container(store_, *request_.from.container);
        if (request_.to.container) open_target();
        if (from_) set_owner_book();
        tell_events();
        if (request_.to.is_stream()) return to_stream(request_.stream_fd);
        if (request_.from.is_stream()) return from_stream(request_.stream_fd, true, "");
        if (same_) return through_file();
        return through_pipe();
    }

  private:
    void tell_events() const {
        if (from_) {
            tell_container(store_, from_->entry.id, from_->entry.record, "archive-path");
        }
        const OpenContainer* const target = same_ ? &*from_ : to_ ? &*to_ : nullptr;
        if (target != nullptr) {
            tell_container(store_, target->entry.id, target->entry.record, "extract-to-dir");
        }
    }

    void open_target() {
        const store::ContainerEntry entry =
            store::ContainerStore(store_).find(*request_.to.container);
        // One stopped container cannot be mounted twice at a time.
        same_ = from_ && from_->entry.id == entry.id && !from_->running();
        if (!same_) to_ = open_container(store_, *request_.to.container);
    }

    void set_owner_book() {
        if (record_rootfs(from_->entry.record).mode == store::LayerMode::single) {
            source_owners_ = owners_of(store_, from_->entry.record);
        }
    }

    [[nodiscard]] std::unique_ptr<WorkPlace> place(bool source) {
        const CopyEnd& end = source ? request_.from : request_.to;
        if (!end.container) return std::make_unique<HostPlace>();
        return make_place(store_, source || same_ ? *from_ : *to_);
    }

    [[nodiscard]] static CopyPath path_of(const CopyEnd& end) {
        CopyPath path = parse_copy_path(end.path, end.container ? "/" : base::current_directory());
        if (end.container && end.path.empty()) path.contents = false;
        return path;
    }

    Worker start_source(int out_fd, json::Value& info) {
        SourceWish wish;
        wish.path = path_of(request_.from);
        wish.container = request_.from.container.value_or("");
        wish.shown = request_.from.container ? wish.container + ":" + request_.from.path
                                             : request_.from.path;
        wish.follow_link = request_.follow_link;
        wish.out_fd = out_fd;
        wish.owners = source_owners_;
        if (request_.from.container) wish.table = image::load_owner_table(from_->dir.get());
        source_place_ = place(true);
        Worker worker = Worker::start(
            *source_place_, [&](const WorkerLink& link) { return run_source(link, wish); });
        info = worker.receive();
        return worker;
    }

    Worker start_target(int in_fd, bool stream, bool is_dir, const std::string& name) {
        TargetWish wish;
        wish.path = path_of(request_.to);
        wish.container = request_.to.container.value_or("");
        wish.from_stream = stream;
        wish.source_is_dir = is_dir;
        wish.source_name = name;
        wish.in_fd = in_fd;
        using Owners = image::ExtractOptions::Owners;
        wish.options.shown_target = wish.path.text;
        if (request_.to.container) {
            const json::Value& record = same_ ? from_->entry.record : to_->entry.record;
            wish.options.ids = files_id_map(record);
            wish.options.owners =
                request_.archive || request_.from.is_stream() ? Owners::given : Owners::root;
            wish.options.mark_owners =
                record.string_or("identity") == name_of(IdentityMode::emulate);
            wish.options.follow_links = true;
            wish.options.id_bits = true;
        }
        target_place_ = place(false);
        Worker worker = Worker::start(
            *target_place_, [&](const WorkerLink& link) { return run_target(link, wish); });
        (void)worker.receive();
        return worker;
    }

    image::FileReport to_stream(int out_fd) {
        json::Value info;
        Worker source = start_source(out_fd, info);
        source.go();
        return parse_report(source.receive());
    }

    image::FileReport from_stream(int in_fd, bool is_dir, const std::string& name) {
        Worker target = start_target(in_fd, request_.from.is_stream(), is_dir, name);
        return parse_report(target.receive());
    }

    image::FileReport through_pipe() {
        base::Pipe pipe = base::make_pipe(kPipeBytes);
        json::Value info;
        Worker source = start_source(pipe.write_end.get(), info);
        pipe.write_end.reset();
        Worker target = start_target(pipe.read_end.get(), false, info["is_dir"].is_true(),
                                     info.string_or("name"));
        pipe.read_end.reset();
        source.go();
        image::FileReport report;
        std::optional<WorkerError> broken;
        try {
            report = parse_report(source.receive());
        } catch (const WorkerError& error) {
            // The reader has gone: why, only it knows.
            if (error.errnum() != EPIPE) throw;
            broken = error;
        }
        append(report, parse_report(target.receive()));
        if (broken) throw WorkerError(*broken);
        return report;
    }

    // Through a file without a name: the first mount must be gone before the second one.
    image::FileReport through_file() {
        const UniqueFd file =
            base::open_at(store_.root_fd(), ".", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
        json::Value info;
        image::FileReport report;
        {
            Worker source = start_source(file.get(), info);
            source.go();
            report = parse_report(source.receive());
        }
        source_place_.reset();
        if (::lseek(file.get(), 0, SEEK_SET) != 0) throw base::SysError(errno, "rewind a file");
        append(report, from_stream(file.get(), info["is_dir"].is_true(), info.string_or("name")));
        return report;
    }

    const store::Store& store_;
    const CopyRequest& request_;
    std::optional<OpenContainer> from_, to_;
    bool same_ = false;
    image::OwnerBook source_owners_;
    std::unique_ptr<WorkPlace> source_place_, target_place_;
};

}  // namespace

CopyEnd parse_copy_end(const std::string& text) {
    const size_t colon = text.find(':');
    if (text == "-" || colon == std::string::npos || text.starts_with('/') ||
        text.starts_with('.') || colon == 0) {
        return {std::nullopt, text};
    }
    return {text.substr(0, colon), text.substr(colon + 1)};
}

image::FileReport copy_files(const store::Store& store, const CopyRequest& request) {
    return Copy(store, request).run();
}

}  // namespace sandbox::engine

// Theory of operation. Every container has a reader. The records that are there are given out in
// the order of time, then, when following, in the order they come. inotify on the log directories
// says when; whether the container lives is seen from its lock, which is asked for before the last
// look at the log, so that nothing it wrote is missed.
#include "sandbox/engine/logs.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <utility>

#include "sandbox/base/error.hpp"
#include "sandbox/base/file_lock.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/store/container_store.hpp"

namespace sandbox::engine {
namespace {

// How late the end of a container is seen whose supervisor was killed: all else makes an event.
constexpr int kLookAgainMs = 500;

struct Source {
    std::string id, name;
    base::UniqueFd dir;
    store::LogOptions options;
    store::LogReader reader;
    std::optional<store::LogRecord> next{};
    bool ended = false;
    bool watched = false;
};

Source open_source(const store::Store& store, const std::string& wanted, const LogsWish& wish) {
    store::ContainerEntry entry = store::ContainerStore(store).find(wanted);
    store::LogOptions options = store::log_options_from(entry.record["log"]);
    if (!options.enabled) {
        throw base::Error("container " + base::quote(entry.name) + " has no log",
                          "it was made with --log-driver none");
    }
    base::UniqueFd dir =
        base::open_at(store.containers_fd(), entry.id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    store::LogReader reader(dir.get(), options, wish.range);
    return Source{std::move(entry.id), std::move(entry.name), std::move(dir), options,
                  std::move(reader)};
}

Source open_left(const LeftLog& log, const LogsWish& wish) {
    store::LogReader reader(log.directory_fd, log.options, wish.range);
    Source source{{}, log.name, {}, log.options, std::move(reader)};
    source.ended = true;
    source.watched = true;
    return source;
}

std::string loss_text(const Source& source, const store::LogLoss& loss) {
    return std::to_string(loss.lines) + " lines (" + std::to_string(loss.bytes) +
           " bytes) of container " + base::quote(source.name) +
           " could not be logged: " + base::errno_text(loss.errnum);
}

class LogsRun {
  public:
    LogsRun(const store::Store& store, const std::vector<std::string>& names, const LogsWish& wish,
            const LogSinks& sinks, const std::vector<LeftLog>& left)
        : wish_(wish), sinks_(sinks) {
        for (const std::string& name : names) sources_.push_back(open_source(store, name, wish));
        for (const LeftLog& log : left) sources_.push_back(open_left(log, wish));
    }
    void run();

  private:
    bool give_all();
    bool fetch(Source& source);
    void give(size_t index);
    bool look_for_end();
    [[nodiscard]] bool is_lasting() const;
    void watch();
    bool wait();

    const LogsWish& wish_;
    const LogSinks& sinks_;
    std::vector<Source> sources_;
    base::UniqueFd notify_;
};

bool LogsRun::fetch(Source& source) {
    if (!source.next) source.next = source.reader.try_next();
    if (const std::uint64_t missed = source.reader.take_missed_pieces(); missed > 0) {
        sinks_.notice("the log of container " + base::quote(source.name) +
                      " was rotated faster than it was read: lines are missing here");
    }
    return source.next.has_value();
}

void LogsRun::give(size_t index) {
    Source& source = sources_[index];
    sinks_.record(index, source.id, source.name, *source.next);
    source.next.reset();
}

// All that is there now; false when there was nothing.
bool LogsRun::give_all() {
    bool any = false;
    for (;;) {
        std::optional<size_t> oldest;
        for (size_t i = 0; i < sources_.size(); ++i) {
            if (!fetch(sources_[i])) continue;
            if (!oldest || sources_[i].next->time < sources_[*oldest].next->time) oldest = i;
        }
        if (!oldest) return any;
        give(*oldest);
        any = true;
    }
}

// Whoever starts containers again has not hung up yet.
bool LogsRun::is_lasting() const {
    if (wish_.lasting_fd < 0) return false;
    pollfd writer{wish_.lasting_fd, 0, 0};
    return ::poll(&writer, 1, 0) == 0;
}

// True when no container can write any more.
bool LogsRun::look_for_end() {
    for (Source& source : sources_) {
        if (source.ended) continue;
        source.ended =
            source.reader.past_until() || !base::FileLock::is_held(source.dir.get(), "lock");
    }
    return std::all_of(sources_.begin(), sources_.end(), [](const Source& s) { return s.ended; });
}

// Without inotify (its instances are few) we look every now and then.
void LogsRun::watch() {
    if (!notify_) {
        const int fd = ::inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        if (fd < 0) return;
        notify_.reset(fd);
    }
    const auto add = [&](int dir_fd, std::uint32_t mask) {
        const std::string path = "/proc/self/fd/" + std::to_string(dir_fd);
        return ::inotify_add_watch(notify_.get(), path.c_str(), mask) >= 0;
    };
    for (Source& source : sources_) {
        if (source.watched) continue;
        const auto place = store::try_open_log_place(source.dir.get(), source.options, false);
        if (!place) continue;
        source.watched = add(place->dir.get(), IN_MODIFY | IN_CREATE | IN_MOVED_TO) &&
                         add(source.dir.get(), IN_MOVED_TO | IN_DELETE);
    }
}

// Until something may have happened; false: nobody reads us any more.
bool LogsRun::wait() {
    std::array<pollfd, 2> fds{{{notify_.get(), POLLIN, 0}, {wish_.output_fd, 0, 0}}};
    (void)::poll(fds.data(), fds.size(), kLookAgainMs);
    if ((fds[1].revents & POLLERR) != 0) return false;
    if ((fds[0].revents & POLLIN) == 0) return true;
    std::array<char, 16384> events{};
    while (base::raw::read(notify_.get(), events.data(), events.size()) > 0) {
    }
    return true;
}

void LogsRun::run() {
    if (!wish_.follow) {
        (void)give_all();
    } else {
        for (;;) {
            watch();
            const bool last = !is_lasting() && look_for_end();
            const bool any = give_all();
            if (last) break;
            if (any) sinks_.pause();
            if (!wait()) return;
        }
    }
    sinks_.pause();
    for (const Source& source : sources_) {
        const store::LogLoss loss = source.reader.loss();
        if (loss.bytes > 0) sinks_.notice(loss_text(source, loss));
    }
}

}  // namespace

void read_logs(const store::Store& store, const std::vector<std::string>& names,
               const LogsWish& wish, const LogSinks& sinks, const std::vector<LeftLog>& left) {
    LogsRun(store, names, wish, sinks, left).run();
}

}  // namespace sandbox::engine

#include <sys/file.h>

#include <cerrno>

#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/raw.hpp"
#include "store/log_format.hpp"

namespace sandbox::store {

namespace json = base::json;
namespace raw = base::raw;

json::Value to_json(const LogOptions& options) {
    return json::Value(json::Object{{"enabled", options.enabled},
                                    {"max_size", options.max_size_bytes},
                                    {"max_files", options.max_files},
                                    {"path", options.path},
                                    {"form", options.form == LogForm::chunks ? "chunks" : "text"}});
}

LogOptions log_options_from(const json::Value& value) {
    LogOptions options;
    if (const bool* enabled = value["enabled"].as_bool()) options.enabled = *enabled;
    options.max_size_bytes = value["max_size"].try_u64().value_or(options.max_size_bytes);
    const auto files = value["max_files"].try_u64();
    if (files && *files <= UINT32_MAX) options.max_files = static_cast<std::uint32_t>(*files);
    options.path = value.string_or("path");
    if (value.string_or("form") == "chunks") options.form = LogForm::chunks;
    return options;
}

std::optional<LogPlace> try_open_log_place(int container_dir_fd, const LogOptions& options,
                                           bool create) {
    if (!options.path.empty()) {
        const size_t slash = options.path.rfind('/');
        const std::string dir = slash == 0 ? "/" : options.path.substr(0, slash);
        if (create) base::make_dirs(dir, 0700);
        auto fd = base::try_open_at(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY);
        if (!fd) return std::nullopt;
        return LogPlace{std::move(*fd), options.path.substr(slash + 1)};
    }
    if (create) base::make_dir_at(container_dir_fd, log_format::kDirName, 0700);
    auto fd = base::try_open_at(container_dir_fd, log_format::kDirName,
                                O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!fd) return std::nullopt;
    return LogPlace{std::move(*fd), log_format::kFileName};
}

std::string log_path(const std::string& container_dir, const LogOptions& options) {
    if (!options.path.empty()) return options.path;
    return container_dir + "/" + log_format::kDirName + "/" + log_format::kFileName;
}

void remove_outside_log(const LogOptions& options) noexcept {
    if (options.path.empty()) return;
    try {
        const std::optional<LogPlace> place = try_open_log_place(-1, options, false);
        if (!place) return;
        const auto youngest =
            base::try_open_at(place->dir.get(), place->file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
        if (youngest && ::flock(youngest->get(), LOCK_EX | LOCK_NB) != 0) return;
        for (const std::uint64_t number : log_format::list_pieces(place->dir.get(), place->file)) {
            (void)raw::unlinkat(place->dir.get(),
                                log_format::piece_name(place->file, number).c_str());
        }
        (void)raw::unlinkat(place->dir.get(), place->file.c_str());
    } catch (const base::Error&) {  // the directory is not ours any more: then neither is the log
    }
}

}  // namespace sandbox::store

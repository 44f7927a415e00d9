#include "sandbox/image/owner_mark.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <array>
#include <cerrno>

#include "image/layer_names.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/image/owner_table.hpp"
#include "sandbox/kernel/process.hpp"
#include "sandbox/kernel/user_namespace.hpp"

namespace sandbox::image {
namespace {

namespace raw = base::raw;

constexpr size_t kMaxBytes = 256u << 20;

// Answers what cannot carry a mark as a line of a table.
std::string mark(int fs_fd, const std::string& path, const FileOwner& owner) {
    open_how how{};
    how.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
    const base::UniqueFd file(raw::openat2(fs_fd, path.empty() ? "." : path.c_str(), how));
    struct stat info {};
    if (file.get() < 0 || ::fstat(file.get(), &info) != 0) return {};
    // xattr(7): nothing else can carry an attribute of users.
    if (!S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode)) {
        FileBirth birth;
        return look_at_birth(file.get(), "", birth) ? owner_table_line(birth, owner) : "";
    }
    const std::string name = "/proc/self/fd/" + std::to_string(file.get());
    const std::string text = format_file_owner(owner);
    if (::setxattr(name.c_str(), kOwnerAttribute, text.data(), text.size(), 0) != 0) {
        throw base::SysError(errno, "remember the owner of", base::quote(path));
    }
    return {};
}

void mark_layer(int layer_fd, const std::string& records) {
    std::string table;
    const base::UniqueFd fs = base::open_at(layer_fd, "fs", O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    for (const std::string& record : base::split(records, '\0')) {
        const std::vector<std::string> words = base::split(record, ' ', 3);
        if (words.size() != 3) continue;
        if (const auto owner = parse_file_owner(words[0] + ":" + words[1])) {
            table += mark(fs.get(), words[2], *owner);
        }
    }
    base::write_file_atomic(layer_fd, kMarkedName, table, 0644, base::Durability::volatile_data);
}

void mark_once(const store::Store& store, const std::string& name) {
    const base::UniqueFd layer =
        base::open_at(store.layers_fd(), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (base::exists_at(layer.get(), kMarkedName)) return;
    const auto records = base::try_read_file_at(layer.get(), "owners", kMaxBytes);
    if (records && !records->empty()) {
        // As root of a namespace: files that their own mode closes to their owner are among them.
        (void)kernel::run_as_owner(kernel::single_id_map({0}, {0}), [&] {
            mark_layer(layer.get(), *records);
            return 0;
        });
    } else {
        base::write_file_atomic(layer.get(), kMarkedName, "", 0644,
                                base::Durability::volatile_data);
    }
}

}  // namespace

std::optional<FileOwner> parse_file_owner(std::string_view text) {
    const size_t colon = text.find(':');
    if (colon == text.npos) return std::nullopt;
    const auto uid = base::try_parse_u64(text.substr(0, colon));
    const auto gid = base::try_parse_u64(text.substr(colon + 1));
    constexpr std::uint64_t kNoId = 0xffffffff;
    if (!uid || !gid || *uid >= kNoId || *gid >= kNoId) return std::nullopt;
    FileOwner owner;
    owner.uid = static_cast<std::uint32_t>(*uid);
    owner.gid = static_cast<std::uint32_t>(*gid);
    return owner;
}

std::string format_file_owner(const FileOwner& owner) {
    return std::to_string(owner.uid) + ":" + std::to_string(owner.gid);
}

std::optional<FileOwner> read_owner_mark(int fd) {
    std::array<char, 32> text{};
    const long size = ::fgetxattr(fd, kOwnerAttribute, text.data(), text.size());
    if (size <= 0) return std::nullopt;
    return parse_file_owner({text.data(), static_cast<size_t>(size)});
}

std::vector<std::string> layer_names(const RootfsPlan& plan) {
    constexpr std::string_view kTail = "/fs";
    std::vector<std::string> names;
    for (const std::string& lower : plan.lower_dirs) {
        if (!lower.ends_with(kTail) || lower.starts_with("..")) continue;
        names.push_back(lower.substr(0, lower.size() - kTail.size()));
    }
    return names;
}

void mark_layer_owners(const store::Store& store, const RootfsPlan& plan) {
    for (const std::string& name : layer_names(plan)) {
        try {
            mark_once(store, name);
        } catch (const kernel::NamespacesRefused&) {
            throw;  // nothing starts here
        } catch (const base::Error& error) {
            base::log::warning("the image's files show as root's: " + error.message());
        }
    }
}

}  // namespace sandbox::image

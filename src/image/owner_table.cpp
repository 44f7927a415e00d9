#include "sandbox/image/owner_table.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <cinttypes>
#include <cstdio>
#include <vector>

#include "image/layer_names.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::image {
namespace {

namespace raw = base::raw;

constexpr size_t kMaxBytes = 64u << 20;
constexpr size_t kOwnerWords = 5, kDeviceWords = 8;

bool parse_numbers(const std::vector<std::string>& words, size_t first, size_t count,
                   std::array<std::uint64_t, kOwnerWords>& numbers) {
    for (size_t i = 0; i < count; ++i) {
        const auto number = base::try_parse_u64(words[first + i]);
        if (!number) return false;
        numbers[i] = *number;
    }
    return true;
}

void add_line(OwnerTable& table, const std::string& line) {
    const std::vector<std::string> words = base::split(line, ' ');
    std::array<std::uint64_t, kOwnerWords> numbers{};
    if (words.size() != kOwnerWords && words.size() != kDeviceWords) return;
    if (!parse_numbers(words, 0, kOwnerWords, numbers)) return;
    const FileBirth birth{numbers[0], static_cast<std::int64_t>(numbers[1]),
                          static_cast<std::uint32_t>(numbers[2])};
    FileOwner owner{static_cast<std::uint32_t>(numbers[3]), static_cast<std::uint32_t>(numbers[4])};
    if (words.size() == kDeviceWords) {
        if (!parse_numbers(words, kOwnerWords + 1, 2, numbers)) return;
        owner.device = words[kOwnerWords] == "c" ? S_IFCHR : S_IFBLK;
        owner.device_major = static_cast<std::uint32_t>(numbers[0]);
        owner.device_minor = static_cast<std::uint32_t>(numbers[1]);
    }
    table.insert_or_assign(birth, owner);
}

OwnerTable load(int dir_fd, const char* name) {
    try {
        return parse_owner_table(base::try_read_file_at(dir_fd, name, kMaxBytes).value_or(""));
    } catch (const base::Error& error) {
        base::log::debug("owners of links and devices: " + error.message());
        return {};
    }
}

}  // namespace

OwnerTable parse_owner_table(std::string_view text) {
    OwnerTable table;
    for (const std::string& line : base::split(text, '\n')) add_line(table, line);
    return table;
}

std::string owner_table_line(const FileBirth& birth, const FileOwner& owner) {
    std::array<char, 160> line{};
    int size = std::snprintf(line.data(), line.size(), "%" PRIu64 " %" PRIu64 " %u %u %u",
                             birth.inode, static_cast<std::uint64_t>(birth.seconds),
                             birth.nanoseconds, owner.uid, owner.gid);
    if (owner.device != 0) {
        const auto used = static_cast<size_t>(size);
        size += std::snprintf(line.data() + used, line.size() - used, " %c %u %u",
                              owner.device == S_IFCHR ? 'c' : 'b', owner.device_major,
                              owner.device_minor);
    }
    return std::string(line.data(), static_cast<size_t>(size)) + "\n";
}

OwnerTable load_owner_table(int container_dir_fd) {
    return load(container_dir_fd, kOwnerTableName);
}

OwnerTable layer_owner_table(const store::Store& store, const RootfsPlan& plan) {
    OwnerTable table;
    for (const std::string& name : layer_names(plan)) {
        const auto layer =
            base::try_open_at(store.layers_fd(), name, O_PATH | O_DIRECTORY | O_NOFOLLOW);
        if (layer) table.merge(load(layer->get(), kMarkedName));
    }
    return table;
}

bool look_at_birth(int dir_fd, const char* name, FileBirth& birth) noexcept {
    struct statx info {};
    const long rc =
        raw::call(SYS_statx, dir_fd, raw::ptr(name), AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW,
                  STATX_INO | STATX_BTIME, raw::ptr(&info));
    if (rc < 0) return false;
    birth = {info.stx_ino, 0, 0};
    if ((info.stx_mask & STATX_BTIME) != 0) {
        birth.seconds = info.stx_btime.tv_sec;
        birth.nanoseconds = info.stx_btime.tv_nsec;
    }
    return true;
}

}  // namespace sandbox::image

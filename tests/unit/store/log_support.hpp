// What tests of both forms of a log share: a container's directory, lines to write, and a reader's
// records as one text.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>

#include <string>
#include <string_view>

#include "sandbox/base/fs.hpp"
#include "sandbox/store/log_store.hpp"
#include "temp_store.hpp"

namespace sandbox::test {

inline constexpr std::int64_t kLogStart = 1'795'533'102;  // 2026-11-24T15:11:42Z

struct LogDir {
    TempStore temp;
    base::UniqueFd fd{base::open_dir(temp.store().root())};
    [[nodiscard]] int get() const { return fd.get(); }
};

// What a reader shows, streams marked: "o:text\n", "e:part".
inline std::string drain(store::LogReader& reader) {
    std::string all;
    while (const auto record = reader.try_next()) {
        constexpr std::string_view kMarks = "oen";
        all += kMarks[static_cast<size_t>(record->stream)];
        all += ':';
        all += record->text;
        if (record->ends_line) all += '\n';
    }
    return all;
}

inline std::string read_log(const LogDir& dir, const store::LogOptions& options = {},
                            const store::LogWish& wish = {}) {
    store::LogReader reader(dir.get(), options, wish);
    return drain(reader);
}

inline std::uint64_t log_bytes(const LogDir& dir) {
    const auto log = base::open_at(dir.get(), "log", O_RDONLY | O_DIRECTORY);
    std::uint64_t sum = 0;
    for (const std::string& name : base::list_dir(log.get())) {
        struct stat info {};
        if (::fstatat(log.get(), name.c_str(), &info, 0) == 0) {
            sum += static_cast<std::uint64_t>(info.st_size);
        }
    }
    return sum;
}

// A second apart, the first at kLogStart + first.
inline void append_lines(store::LogWriter& writer, int first, int last) {
    for (int i = first; i <= last; ++i) {
        writer.append(store::LogStream::out, "line " + std::to_string(i) + "\n",
                      {kLogStart + i, 0});
    }
}

}  // namespace sandbox::test

#include "engine/memory_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <limits>

#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::engine {
namespace {

namespace json = base::json;

constexpr size_t kMaxBytes = 4u << 20;

base::Error cannot(const MemoryFile& file, const std::string& why, const std::string& cure) {
    return base::Error(file.name + ": " + why, cure, base::exit_code::kEngine);
}

std::string content_of_file(const MemoryFile& file) {
    const auto fd = base::try_open_at(AT_FDCWD, file.file, O_RDONLY | O_NONBLOCK);
    if (!fd) {
        throw cannot(file, "no such file or directory: " + base::quote(file.file),
                     "it is read at each start");
    }
    struct stat status {};
    if (::fstat(fd->get(), &status) != 0) throw base::SysError(errno, "look at", file.file);
    if (!S_ISREG(status.st_mode)) {
        throw cannot(file, base::quote(file.file) + " is not a file", "");
    }
    if (static_cast<std::uint64_t>(status.st_size) > kMaxBytes) {
        throw cannot(file, base::quote(file.file) + " is larger than 4 MiB",
                     "mount it as a volume");
    }
    return base::read_fd(fd->get(), kMaxBytes);
}

std::string content_of_variable(const MemoryFile& file) {
    for (const std::string& name : file.variables) {
        if (const char* value = std::getenv(name.c_str())) return value;
    }
    throw cannot(file, "its content is not kept anywhere, and nobody has given it",
                 "start it with `sandbox up`, or set the variable" +
                     (file.variables.size() > 1 ? " " + file.variables.back() : std::string()));
}

std::uint32_t number(const json::Value& value) {
    const auto found = value.try_u64();
    if (!found || *found > std::numeric_limits<std::uint32_t>::max()) {
        throw base::IntegrityError("the container's record is damaged: \"memory_files\"",
                                   "remove the container and make it again");
    }
    return static_cast<std::uint32_t>(*found);
}

}  // namespace

std::vector<MemoryFileSpec> read_memory_files(const std::vector<MemoryFile>& files) {
    std::vector<MemoryFileSpec> result;
    for (const MemoryFile& file : files) {
        MemoryFileSpec spec;
        spec.target = file.target;
        spec.uid = kernel::ContainerId{file.uid};
        spec.gid = kernel::ContainerId{file.gid};
        spec.mode = file.mode;
        spec.content = file.content         ? *file.content
                       : !file.file.empty() ? content_of_file(file)
                                            : content_of_variable(file);
        result.push_back(std::move(spec));
    }
    return result;
}

json::Value memory_files_to_json(const std::vector<MemoryFile>& files) {
    json::Array array;
    for (const MemoryFile& file : files) {
        json::Object object{{"target", file.target},
                            {"name", file.name},
                            {"uid", file.uid},
                            {"gid", file.gid},
                            {"mode", file.mode}};
        if (!file.file.empty()) object["file"] = file.file;
        if (!file.variables.empty()) object["variables"] = json::Value(file.variables);
        if (file.content) object["content"] = *file.content;
        array.emplace_back(std::move(object));
    }
    return json::Value(std::move(array));
}

std::vector<MemoryFile> memory_files_from_json(const json::Value& value) {
    std::vector<MemoryFile> files;
    const json::Array* array = value.as_array();
    if (array == nullptr) return files;
    for (const json::Value& each : *array) {
        MemoryFile file;
        file.target = each.string_or("target");
        file.name = each.string_or("name");
        file.file = each.string_or("file");
        file.variables = each["variables"].strings();
        file.uid = number(each["uid"]);
        file.gid = number(each["gid"]);
        file.mode = number(each["mode"]);
        if (const std::string* content = each["content"].as_string()) file.content = *content;
        files.push_back(std::move(file));
    }
    return files;
}

}  // namespace sandbox::engine

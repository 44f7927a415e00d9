#include "engine/exec/exec_base.hpp"

#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>

#include "engine/identity/identity_service.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/raw.hpp"

namespace sandbox::engine {
namespace {

namespace json = base::json;
namespace raw = base::raw;

constexpr size_t kMaxBaseBytes = 8u << 20;  // an environment has at most 2 MiB
constexpr const char* kBaseName = "base";
constexpr const char* kCgroupName = "cgroup.procs";

json::Array ranges_of(const std::vector<kernel::IdRange>& ranges) {
    json::Array array;
    for (const kernel::IdRange& range : ranges) {
        array.emplace_back(json::Array{range.inside.value, range.outside.value, range.count});
    }
    return array;
}

std::uint64_t number_at(const json::Value& value, size_t index) {
    const json::Array* array = value.as_array();
    const auto number =
        array != nullptr && index < array->size() ? (*array)[index].try_u64() : std::nullopt;
    if (!number) throw base::IntegrityError("the supervisor's answer lacks a number");
    return *number;
}

std::uint32_t small_number_at(const json::Value& value, size_t index) {
    return static_cast<std::uint32_t>(number_at(value, index));
}

template <typename F>
void each_in(const json::Value& value, F&& handle) {
    if (const json::Array* array = value.as_array()) {
        for (const json::Value& item : *array) handle(item);
    }
}

std::vector<kernel::IdRange> ranges_from(const json::Value& value) {
    std::vector<kernel::IdRange> ranges;
    each_in(value, [&](const json::Value& item) {
        ranges.push_back(
            {{small_number_at(item, 0)}, {small_number_at(item, 1)}, small_number_at(item, 2)});
    });
    return ranges;
}

json::Object user_of(const IdentitySpec& user) {
    json::Array groups;
    for (const kernel::ContainerId group : user.groups) groups.emplace_back(group.value);
    return {{"ids", json::Array{user.uid.value, user.gid.value}},
            {"groups", std::move(groups)},
            {"home", user.home}};
}

IdentitySpec user_from(const json::Value& value) {
    IdentitySpec user;
    user.uid = {small_number_at(value["ids"], 0)};
    user.gid = {small_number_at(value["ids"], 1)};
    each_in(value["groups"], [&](const json::Value& item) {
        user.groups.push_back({static_cast<std::uint32_t>(item.try_u64().value_or(0))});
    });
    user.home = value.string_or("home", "/");
    return user;
}

json::Array limits_of(const ContainerSpec& spec) {
    json::Array limits;
    bool processes_limited = false;
    const auto add = [&](int resource, rlimit limit) {
        limits.emplace_back(json::Array{resource, static_cast<std::uint64_t>(limit.rlim_cur),
                                        static_cast<std::uint64_t>(limit.rlim_max)});
    };
    for (const auto& [resource, limit] : spec.rlimits) {
        add(resource, limit);
        processes_limited = processes_limited || resource == RLIMIT_NPROC;
    }
    // As the launch does it: counted per user namespace and id.
    if (spec.pids_limit != 0 && !processes_limited) {
        add(RLIMIT_NPROC, {spec.pids_limit, spec.pids_limit});
    }
    return limits;
}

base::UniqueFd make_base_file(const std::string& document, const kernel::BpfProgram& seccomp) {
    const long rc =
        raw::call(SYS_memfd_create, raw::ptr("exec-base"), MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (rc < 0) throw base::SysError(static_cast<int>(-rc), "make a file in memory");
    base::UniqueFd file(static_cast<int>(rc));
    base::write_all(file.get(), document);
    base::write_all(file.get(), {reinterpret_cast<const char*>(seccomp.data()),
                                 seccomp.size() * sizeof(sock_filter)});
    // Many have it: nobody may change it.
    (void)raw::fcntl(file.get(), F_ADD_SEALS,
                     F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
    return file;
}

// All of it, wherever its position is: others share it.
std::string read_base_file(int fd) {
    struct stat information {};
    if (::fstat(fd, &information) != 0 || information.st_size < 0 ||
        static_cast<size_t>(information.st_size) > kMaxBaseBytes) {
        throw base::IntegrityError("the supervisor's answer is too long");
    }
    std::string text(static_cast<size_t>(information.st_size), '\0');
    size_t filled = 0;
    while (filled < text.size()) {
        const long count = raw::pread(fd, text.data() + filled, text.size() - filled,
                                      static_cast<std::int64_t>(filled));
        if (count <= 0) throw base::IntegrityError("the supervisor's answer is cut short");
        filled += static_cast<size_t>(count);
    }
    return text;
}

void read_base(int fd, size_t document_bytes, ExecBase& result) {
    const std::string text = read_base_file(fd);
    if (document_bytes > text.size()) {
        throw base::IntegrityError("the supervisor's answer is cut short");
    }
    json::Limits limits;
    limits.max_bytes = kMaxBaseBytes;
    result.spec =
        exec_base_from_json(json::parse(std::string_view(text).substr(0, document_bytes), limits));
    const size_t program_bytes = text.size() - document_bytes;
    result.spec.seccomp.resize(program_bytes / sizeof(sock_filter));
    std::memcpy(result.spec.seccomp.data(), text.data() + document_bytes,
                result.spec.seccomp.size() * sizeof(sock_filter));
}

}  // namespace

json::Value exec_base_to_json(const ContainerSpec& spec) {
    std::vector<std::string> env = spec.env;
    if (spec.home_is_users) {
        std::erase_if(env, [](const std::string& line) { return line.starts_with("HOME="); });
    }
    return json::Object{{"env", env},
                        {"set_home", spec.home_is_users},
                        {"working_dir", spec.working_dir.empty() ? "/" : spec.working_dir},
                        {"user", user_of(spec.user)},
                        {"group_add", spec.group_add},
                        {"capabilities", spec.capabilities},
                        {"no_new_privileges", spec.no_new_privileges},
                        {"limited", !spec.limits.empty()},
                        {"rlimits", limits_of(spec)},
                        {"range", spec.ids.mode == kernel::IdMode::range},
                        {"set_groups", spec.ids.set_groups},
                        {"emulated", spec.identity == IdentityMode::emulate},
                        {"uids", ranges_of(spec.ids.uids)},
                        {"gids", ranges_of(spec.ids.gids)}};
}

ExecSpec exec_base_from_json(const json::Value& document) {
    ExecSpec spec;
    spec.env = document["env"].strings();
    spec.set_home = document["set_home"].is_true();
    spec.working_dir = document.string_or("working_dir", "/");
    spec.user = user_from(document["user"]);
    spec.group_add = document["group_add"].strings();
    spec.capabilities = document["capabilities"].try_u64().value_or(0);
    spec.no_new_privileges = document["no_new_privileges"].is_true();
    spec.limited = document["limited"].is_true();
    each_in(document["rlimits"], [&](const json::Value& item) {
        spec.rlimits.emplace_back(static_cast<int>(number_at(item, 0)),
                                  rlimit{number_at(item, 1), number_at(item, 2)});
    });
    spec.ids.mode = document["range"].is_true() ? kernel::IdMode::range : kernel::IdMode::single;
    spec.ids.set_groups = document["set_groups"].is_true();
    spec.emulated = document["emulated"].is_true();
    spec.ids.uids = ranges_from(document["uids"]);
    spec.ids.gids = ranges_from(document["gids"]);
    return spec;
}

json::Value identity_request(const ExecSpec& spec, const IdentitySpec& user) {
    return json::Object{{"op", "identity"},
                        {"user", user_of(user)},
                        {"capabilities", spec.capabilities},
                        {"no_new_privileges", spec.no_new_privileges}};
}

Credentials credentials_from_request(const json::Value& request) {
    return credentials_of(user_from(request["user"]), request["capabilities"].try_u64().value_or(0),
                          request["no_new_privileges"].is_true());
}

ExecSpec exec_spec_of(const ContainerSpec& spec) {
    ExecSpec result = exec_base_from_json(exec_base_to_json(spec));
    result.seccomp = spec.seccomp;
    return result;
}

ExecBase fetch_exec_base(ControlClient& client) {
    Reply reply = client.call(json::Object{{"op", "exec"}});
    ExecBase result;
    const std::vector<std::string> names = reply.value["fds"].strings();
    if (names.size() != reply.fds.size()) {
        throw base::IntegrityError("the supervisor sent other descriptors than it says");
    }
    base::UniqueFd file;
    const auto places = result.namespaces.in_order();
    for (size_t i = 0; i < names.size(); ++i) {
        for (size_t n = 0; n < places.size(); ++n) {
            if (names[i] == child::kNamespaceNames[n]) *places[n] = std::move(reply.fds[i]);
        }
        if (names[i] == kBaseName) file = std::move(reply.fds[i]);
        if (names[i] == kCgroupName) result.cgroup_procs = std::move(reply.fds[i]);
    }
    if (!file || !result.namespaces.complete()) {
        throw base::IntegrityError("the supervisor's answer lacks descriptors");
    }
    read_base(file.get(), reply.value["base_bytes"].try_u64().value_or(0), result);
    result.paused = reply.value["paused"].is_true();
    return result;
}

ExecService::ExecService(ControlServer& server, std::function<std::optional<ExecSource>()> source)
    : source_(std::move(source)) {
    server.on("exec", [this](ControlCall call) { answer(std::move(call)); });
}

void ExecService::answer(ControlCall call) {
    const std::optional<ExecSource> source = source_();
    if (!source || !source->namespaces->complete()) {
        throw base::Error("the container is not running", {}, base::exit_code::kEngine);
    }
    if (!base_fd_) {
        const std::string document = json::dump(exec_base_to_json(*source->spec));
        base_fd_ = make_base_file(document, source->spec->seccomp);
        base_bytes_ = static_cast<std::int64_t>(document.size());
    }
    json::Array names;
    std::vector<int> fds;
    size_t index = 0;
    for (const int fd : source->namespaces->numbers()) {
        names.emplace_back(child::kNamespaceNames[index++]);
        fds.push_back(fd);
    }
    names.emplace_back(kBaseName);
    fds.push_back(base_fd_.get());
    if (source->cgroup_procs) {
        names.emplace_back(kCgroupName);
        fds.push_back(source->cgroup_procs.get());
    }
    call.reply(
        json::Object{
            {"fds", std::move(names)}, {"base_bytes", base_bytes_}, {"paused", source->paused}},
        fds);
}

}  // namespace sandbox::engine

#include "seccomp_cache.hpp"

#include <cstring>

#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/strings.hpp"
#include "seccomp_policy.hpp"

namespace sandbox::kernel {
namespace {

constexpr size_t kMaxEntryBytes = 4096 * sizeof(sock_filter) + 4096;

// FNV-1a. The directory is the user's own and 0700: this finds accidents, not attackers. The whole
// key stands in the entry and is compared.
std::uint64_t hash_of(std::string_view text) noexcept {
    std::uint64_t hash = 0xcbf29ce484222325u;
    for (const char c : text) {
        hash ^= static_cast<unsigned char>(c);
        hash *= 0x100000001b3u;
    }
    return hash;
}

std::string hex(std::uint64_t number) {
    return base::to_hex(&number, sizeof number);
}

// "<key>\n<hash of the program>\n<program>"
std::string encode(const std::string& key, const BpfProgram& program) {
    const std::string bytes(reinterpret_cast<const char*>(program.data()),
                            program.size() * sizeof(sock_filter));
    return key + "\n" + hex(hash_of(bytes)) + "\n" + bytes;
}

BpfProgram decode(const std::string& key, std::string_view entry) {
    const std::string head = key + "\n";
    constexpr size_t kHashBytes = 16 + 1;
    if (!entry.starts_with(head) || entry.size() < head.size() + kHashBytes) return {};
    const std::string_view hash = entry.substr(head.size(), 16);
    const std::string_view bytes = entry.substr(head.size() + kHashBytes);
    if (bytes.size() % sizeof(sock_filter) != 0 || hex(hash_of(bytes)) != hash) return {};
    BpfProgram program(bytes.size() / sizeof(sock_filter));
    std::memcpy(program.data(), bytes.data(), bytes.size());
    return program;
}

}  // namespace

std::string seccomp_key(std::string_view kind, std::string_view profile,
                        const SeccompOptions& options) {
    std::string key = "sandbox seccomp " SANDBOX_VERSION " ";
    key += std::to_string(kSeccompPolicyVersion) + " " + std::string(kind);
#if defined(__x86_64__)
    key += " x86_64 ";
#elif defined(__aarch64__)
    key += " aarch64 ";
#endif
    key += hex(options.capabilities) + (options.compat32 ? " compat32" : "") +
           (options.fake_identity ? " fake-identity" : "");
    if (!profile.empty()) {
        key += " " + std::to_string(profile.size()) + " " + hex(hash_of(profile)) +
               hex(hash_of(std::string(profile.rbegin(), profile.rend())));
    }
    return key;
}

BpfProgram cached_program(int cache_dir_fd, const std::string& key,
                          const std::function<BpfProgram()>& compile) {
    if (cache_dir_fd < 0) return compile();
    const std::string name = "seccomp-" + hex(hash_of(key)) + ".bpf";
    try {
        if (const auto entry = base::try_read_file_at(cache_dir_fd, name, kMaxEntryBytes)) {
            BpfProgram program = decode(key, *entry);
            if (!program.empty()) return program;
        }
    } catch (const base::Error& error) {
        base::log::debug("seccomp cache: " + error.message());
    }
    BpfProgram program = compile();
    try {
        base::write_file_atomic(cache_dir_fd, name, encode(key, program), 0600,
                                base::Durability::volatile_data);
    } catch (const base::Error& error) {
        // A full disk or a read-only store: slower, not wrong.
        base::log::debug("seccomp cache: " + error.message());
    }
    return program;
}

}  // namespace sandbox::kernel

// The low-level SHA256_* calls are deprecated in OpenSSL 3, yet they are the same assembly as
// EVP's, chosen by CPU at load time, without what EVP costs first: providers, configuration files,
// atexit handlers and a fetch by name (about a millisecond).
#define OPENSSL_SUPPRESS_DEPRECATED
#include "sandbox/base/sha256.hpp"

#include <openssl/sha.h>

#include <cerrno>
#include <vector>

#include "sandbox/base/error.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::base {

struct Sha256::State {
    SHA256_CTX context;
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
    SHA256_Init(&state_->context);
}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(const void* data, size_t size_bytes) {
    SHA256_Update(&state_->context, data, size_bytes);
}

std::string Sha256::finish_hex() {
    std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
    SHA256_Final(digest.data(), &state_->context);
    return to_hex(digest.data(), digest.size());
}

std::string sha256_hex(std::string_view data) {
    Sha256 hash;
    hash.update(data.data(), data.size());
    return hash.finish_hex();
}

std::string sha256_hex_of_fd(int fd) {
    constexpr size_t kChunkBytes = 256u << 10;  // fits the second-level cache
    std::vector<char> buffer(kChunkBytes);
    Sha256 hash;
    std::int64_t offset = 0;
    for (;;) {
        const long rc = raw::pread(fd, buffer.data(), buffer.size(), offset);
        if (rc == -EINTR) continue;
        if (rc < 0) throw SysError(static_cast<int>(-rc), "read a file to hash it");
        if (rc == 0) return hash.finish_hex();
        hash.update(buffer.data(), static_cast<size_t>(rc));
        offset += rc;
    }
}

}  // namespace sandbox::base

#include "stage_file.hpp"

#include <sys/mman.h>

#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/raw.hpp"

extern "C" {
extern const unsigned char sandbox_stage_elf[];      // NOLINT: arrays made by the assembler
extern const unsigned char sandbox_stage_elf_end[];  // NOLINT
}

namespace sandbox::engine {
namespace {

namespace raw = base::raw;

constexpr unsigned kMemfdExec = 0x10;  // MFD_EXEC, Linux 6.3

}  // namespace

base::UniqueFd make_stage_file() {
    constexpr unsigned kFlags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
    // Linux 6.3 wants to hear that it is for execution; older ones do not know the word.
    long rc = raw::call(SYS_memfd_create, raw::ptr("sandbox-stage"), kFlags | kMemfdExec);
    if (rc == -EINVAL) rc = raw::call(SYS_memfd_create, raw::ptr("sandbox-stage"), kFlags);
    if (rc < 0) {
        throw base::SysError(static_cast<int>(-rc), "make an executable file in memory", {},
                             rc == -EACCES ? "vm.memfd_noexec must not be 2 here" : "");
    }
    base::UniqueFd file(static_cast<int>(rc));
    const auto* begin = reinterpret_cast<const char*>(sandbox_stage_elf);
    const auto* end = reinterpret_cast<const char*>(sandbox_stage_elf_end);
    base::write_all(file.get(), {begin, static_cast<size_t>(end - begin)});
    rc = raw::fcntl(file.get(), F_ADD_SEALS,
                    F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
    if (rc < 0) throw base::SysError(static_cast<int>(-rc), "seal a file in memory");
    return file;
}

}  // namespace sandbox::engine

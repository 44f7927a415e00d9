// /etc/subuid and uid_map texts: whatever they say, ranges never wrap and never hold id 0.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "kernel/subid.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    using namespace sandbox::kernel;
    for (const SubidRange& range : parse_subids(text, "me", 1000)) {
        if (range.count == 0 || range.start.value == 0) std::abort();
        if (range.start.value > UINT32_MAX - range.count) std::abort();
    }
    const std::vector<IdRange> map = parse_id_map(text);
    (void)covers(map, {HostId{1}, 65536});
    return 0;
}

// Image records of the store: damaged, or the same again after they were written.
#include "store/image_record.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "sandbox/base/error.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size_bytes) {
    using namespace sandbox;
    const std::string_view text(reinterpret_cast<const char*>(data), size_bytes);
    try {
        const store::ImageRecord record = store::parse_image_record(text);
        const std::string written = store::to_text(record);
        if (record.chains.size() != record.layer_blobs.size()) std::abort();
        const store::ImageRecord again = store::parse_image_record(written);
        if (store::to_text(again) != written || again.labels != record.labels) std::abort();
        if (record.reference) {
            const std::string name = store::file_name_of(*record.reference);
            if (name.empty() || name.size() > 255 || name.find('/') != name.npos) std::abort();
        }
    } catch (const base::IntegrityError&) {  // damaged
    }
    return 0;
}

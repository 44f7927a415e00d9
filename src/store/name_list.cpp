#include "store/name_list.hpp"

#include "sandbox/base/error.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::store {

std::string to_text(const NameList& list) {
    std::string text;
    if (!list.boot.empty()) text += "boot " + list.boot + "\n";
    for (const oci::Digest& blob : list.blobs) text += "blob " + blob.hex() + "\n";
    for (const std::string& layer : list.layers) text += "layer " + layer + "\n";
    return text;
}

NameList parse_name_list(const std::string& text) {
    NameList list;
    for (const std::string& line : base::split(text, '\n')) {
        const size_t blank = line.find(' ');
        if (blank == std::string::npos) continue;
        const std::string key = line.substr(0, blank);
        const std::string value = line.substr(blank + 1);
        try {
            if (key == "boot") list.boot = value;
            if (key == "blob") list.blobs.push_back(oci::Digest::from_hex(value));
            if (key == "layer" && value.find('/') == std::string::npos && !value.starts_with('.')) {
                list.layers.push_back(value);
            }
        } catch (const base::IntegrityError& error) {
            base::log::debug(error.what());
        }
    }
    return list;
}

}  // namespace sandbox::store

#include "tail.hpp"

#include <fcntl.h>

#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/store/container_store.hpp"
#include "sandbox/store/log_store.hpp"

namespace sandbox::project {

std::vector<std::string> last_log_lines(const store::Store& store, const std::string& id,
                                        size_t count) {
    std::vector<std::string> lines;
    try {
        const store::ContainerEntry entry = store::ContainerStore(store).find(id);
        const base::UniqueFd dir =
            base::open_at(store.containers_fd(), entry.id, O_RDONLY | O_DIRECTORY);
        store::LogWish wish;
        wish.tail = count;
        store::LogReader reader(dir.get(), store::log_options_from(entry.record["log"]), wish);
        bool continues = false;
        while (const auto record = reader.try_next()) {
            if (continues) {
                lines.back() += record->text;
            } else {
                lines.emplace_back(record->text);
            }
            continues = !record->ends_line;
        }
    } catch (const base::Error&) {
        // What failed is told already; a log that cannot be read is no second failure.
    }
    return lines;
}

}  // namespace sandbox::project

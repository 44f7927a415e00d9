#include "compose_translate.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::project {

using base::quote;

Heeded heed(const Documents& documents, const std::vector<Remark>& remarks) {
    Heeded heeded;
    for (const Remark& remark : remarks) {
        if (remark.kind == Remark::Kind::refused) {
            const std::string what = quote(remark.key) + " cannot be done here";
            const base::UsageError error =
                remark.error ? *remark.error : documents.error(remark.at, what, remark.text);
            if (remark.service.empty()) throw error;
            const bool of_build = remark.key == "services." + remark.service + ".build";
            Refusal refusal{error, of_build};
            const auto [known, is_new] = heeded.refused.try_emplace(remark.service, refusal);
            if (!is_new && known->second.of_build) known->second = std::move(refusal);
        } else if (remark.kind == Remark::Kind::ignored) {
            heeded.notices.push_back(documents.where(remark.at) + ": " + remark.key +
                                     " has no effect: " + remark.text);
        }
    }
    return heeded;
}

}  // namespace sandbox::project

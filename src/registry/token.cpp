#include "registry/token.hpp"

#include <algorithm>

#include "sandbox/base/error.hpp"
#include "sandbox/base/json.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::registry {

namespace {

constexpr const char* kClientId = "sandbox";
// What the protocol says when expires_in is missing, and the least that makes sense.
constexpr std::chrono::seconds kShortestLifetime{60};
constexpr std::chrono::hours kLongestLifetime{24};

class Form {
  public:
    void add(std::string_view name, std::string_view value) {
        if (value.empty()) return;
        if (!text_.empty()) text_ += '&';
        text_ += std::string(name) + "=" + percent_encode(value);
    }
    [[nodiscard]] const std::string& str() const noexcept { return text_; }

  private:
    std::string text_;
};

}  // namespace

bool is_safe_header_value(std::string_view text) noexcept {
    return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

std::string basic_authorization(const Credential& credential) {
    return "Basic " + base::base64_encode(credential.user + ":" + credential.password);
}

HttpRequest make_token_request(const TokenWish& wish) {
    HttpRequest request;
    request.url = wish.realm;
    Form form;
    if (wish.credential && !wish.credential->identity_token.empty()) {
        form.add("grant_type", "refresh_token");
        form.add("service", wish.service);
        form.add("client_id", kClientId);
        form.add("scope", wish.scope);
        form.add("refresh_token", wish.credential->identity_token);
        request.method = "POST";
        request.body = form.str();
        request.headers.emplace_back("Content-Type", "application/x-www-form-urlencoded");
        return request;
    }
    form.add("service", wish.service);
    form.add("scope", wish.scope);
    if (wish.credential) form.add("account", wish.credential->user);
    if (wish.offline) {
        form.add("offline_token", "true");
        form.add("client_id", kClientId);
    }
    if (!form.str().empty()) {
        const bool has_query = request.url.target.find('?') != std::string::npos;
        request.url.target += (has_query ? "&" : "?") + form.str();
    }
    if (wish.credential) {
        request.headers.emplace_back("Authorization", basic_authorization(*wish.credential));
    }
    return request;
}

TokenAnswer parse_token_answer(std::string_view body) {
    namespace json = base::json;
    json::Value root;
    try {
        root = json::parse(body, json::Limits{kMaxTokenAnswerBytes, 16});
    } catch (const base::IntegrityError&) {  // its message might quote the token
        throw base::IntegrityError("bad json in the token server's answer");
    }
    TokenAnswer answer;
    answer.token = root.string_or("token");
    if (answer.token.empty()) answer.token = root.string_or("access_token");
    answer.identity_token = root.string_or("refresh_token");
    if (answer.token.empty()) {
        throw base::IntegrityError("the token server's answer holds no token");
    }
    if (!is_safe_header_value(answer.token)) {
        throw base::IntegrityError("the token server's token is malformed");
    }
    if (const auto seconds = root["expires_in"].try_double()) {
        const double most = std::chrono::duration<double>(kLongestLifetime).count();
        const double lifetime = std::clamp(*seconds, 0.0, most);
        answer.lifetime = std::chrono::seconds(static_cast<long>(lifetime));
    }
    answer.lifetime = std::max<std::chrono::seconds>(answer.lifetime, kShortestLifetime);
    return answer;
}

}  // namespace sandbox::registry

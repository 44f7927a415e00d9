#include "registry/exchange.hpp"

#include <algorithm>

#include "sandbox/base/log.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::registry {

namespace {

constexpr int kMaxHops = 5;
constexpr int kMaxRounds = 2;
constexpr int kMirrorTries = 2;  // there is somebody else to ask

bool is_redirect(int status) noexcept {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

// How TLS servers answer a plain request (Go's net/http, nginx, Apache).
bool says_https(const Attempt& attempt) {
    return attempt.head && attempt.head->status == 400 &&
           base::to_lower(attempt.body).find("https") != std::string::npos;
}

}  // namespace

Exchange::Exchange(Session& session, Resource resource)
    : session_(session),
      resource_(std::move(resource)),
      endpoints_(session.endpoints_for(resource_.repository.domain())) {
    restart_at_endpoint();
}

std::string Exchange::repository_path() const {
    return endpoints_[index_]->prefix + resource_.repository.path();
}

void Exchange::restart_at_endpoint() {
    const std::vector<Scheme>& schemes = endpoint().schemes;
    const bool second = first_scheme_failure_ && schemes.size() > 1;
    url_ = make_origin(second ? schemes[1] : schemes[0], endpoint().authority);
    url_.target = "/v2/" + repository_path() + "/" + resource_.path;
    sent_by_.reset();
    left_origin_ = false;
    hops_ = 0;
}

HttpRequest Exchange::next_request() {
    HttpRequest request;
    request.url = url_;
    request.headers = resource_.headers;
    used_authorization_.clear();
    const bool scheme_known = endpoint().schemes.size() == 1;
    if (!left_origin_ && scheme_known && same_origin(url_, endpoint().origin())) {
        used_authorization_ = session_.authorization(endpoint(), repository_path());
        if (!used_authorization_.empty()) {
            request.headers.emplace_back("Authorization", used_authorization_);
        }
    }
    session_.prepare(request, sent_by_);
    return request;
}

// Settles which scheme the endpoint speaks. True: the other one is to be tried now.
bool Exchange::try_other_scheme(const Attempt& attempt) {
    Endpoint& here = endpoint();
    if (left_origin_ || hops_ > 0) return false;
    const Fault fault = attempt.outcome.fault;
    if (here.schemes.size() == 1) return here.schemes[0] != url_.scheme && !attempt.head;
    bool other = false;
    if (url_.scheme == Scheme::http) {
        other = says_https(attempt) ||
                (!attempt.head &&
                 (fault == Fault::no_reply || fault == Fault::protocol || fault == Fault::cut));
    } else {
        const bool has_port = here.origin().port != default_port(here.schemes.front());
        other = fault == Fault::not_tls || fault == Fault::tls_broken ||
                (!attempt.head && fault == Fault::no_reply) ||
                (fault == Fault::connect && !has_port);
    }
    if (other && !first_scheme_failure_) {
        first_scheme_failure_ = attempt;
        return true;
    }
    // An answer, or a handshake that failed for its own reasons: this is the scheme. When the
    // second is not spoken either, the first was right after all.
    if (attempt.head || fault == Fault::tls || attempt.outcome.handshake_done) {
        here.schemes = {url_.scheme};
    } else if (first_scheme_failure_ && fault != Fault::tls_broken) {
        here.schemes.resize(1);
    }
    return false;
}

Exchange::Verdict Exchange::judge(const Attempt& attempt) {
    delay_ = std::chrono::milliseconds(0);
    if (!left_origin_ && attempt.head && attempt.outcome.peer) {
        endpoint().peer = attempt.outcome.peer;
    }
    if (try_other_scheme(attempt)) {
        restart_at_endpoint();
        return Verdict::again;
    }
    if (first_scheme_failure_) {
        Attempt first = std::move(*first_scheme_failure_);
        first_scheme_failure_.reset();
        if (attempt.outcome.fault == Fault::tls_broken) {
            first.outcome.detail += "; tls: " + attempt.outcome.detail;
        }
        if (endpoint().schemes[0] != url_.scheme) {
            restart_at_endpoint();
            return first.head ? judge_status(first) : judge_fault(first);
        }
    }
    // The head of an error says enough, whatever became of its body.
    const bool good = attempt.head && (attempt.head->status == 200 || attempt.head->status == 206);
    if (attempt.head && (!good || attempt.outcome.fault == Fault::none)) {
        return judge_status(attempt);
    }
    return judge_fault(attempt);
}

Exchange::Verdict Exchange::judge_fault(const Attempt& attempt) {
    const base::Error error = describe_fault(attempt.outcome, url_, session_.config().timing);
    switch (attempt.outcome.fault) {
        case Fault::cut:
        case Fault::no_reply:
        case Fault::other:
            return try_later(error, std::nullopt);
        case Fault::resolve:
        case Fault::connect:
        case Fault::connect_timeout:
        case Fault::tls_broken:
        case Fault::stalled:
            // Worth another try only when something has come from there before.
            if (moved_) return try_later(error, std::nullopt);
            return next_endpoint(error);
        default:
            return next_endpoint(error);
    }
}

Exchange::Verdict Exchange::judge_status(const Attempt& attempt) {
    const int status = attempt.head->status;
    if (attempt.too_large) {
        return next_endpoint(base::Error(resource_.what + " from " + base::quote(url_.authority()) +
                                         " is too large"));
    }
    if (status == 200 || status == 206) return Verdict::answered;
    if (is_redirect(status)) return follow(attempt);
    if (status == 401 && !left_origin_) return log_in(attempt);
    const base::Error error = describe_status(attempt);
    if (is_retryable_status(status)) {
        return try_later(
            error, try_parse_retry_after(attempt.head->find("retry-after"), session_.unix_now()));
    }
    // A signed URL that has run out: ask the registry for a new one.
    if (left_origin_ && (status == 401 || status == 403) && failures_ == 0) {
        return try_later(error, std::nullopt);
    }
    if (status == 416) return try_later(error, std::nullopt);
    if (status == 404 && index_ + 1 == endpoints_.size()) {
        const std::string words = error_words(attempt.body);
        throw base::NotFoundError("no such image: " + resource_.what + " is not at " +
                                      base::quote(endpoint().registry) +
                                      (words.empty() ? "" : ": " + words),
                                  "check the name and the tag");
    }
    return next_endpoint(error);
}

Exchange::Verdict Exchange::follow(const Attempt& attempt) {
    if (++hops_ > kMaxHops) {
        return next_endpoint(base::Error("too many redirects for " + resource_.what));
    }
    try {
        const Url next = base::with_context("redirect of " + base::quote(url_.authority()), [&] {
            return resolve_location(url_, attempt.head->find("location"));
        });
        const AddressClass here = attempt.outcome.peer.value_or(classify_host(url_.host));
        session_.check_next_hop(url_, here, next, "redirect");
        if (!same_origin(next, endpoint().origin())) left_origin_ = true;
        if (next.host != url_.host) sent_by_ = here;
        url_ = next;
    } catch (const base::Error& error) {  // a mirror's nonsense is no reason to give up
        return next_endpoint(error);
    }
    return Verdict::again;
}

Exchange::Verdict Exchange::log_in(const Attempt& attempt) {
    std::string why;
    std::string hint = "sandbox login " + endpoint().registry;
    try {
        if (++rounds_ <= kMaxRounds &&
            session_.authorise(endpoint(), repository_path(), *attempt.head, used_authorization_)) {
            restart_at_endpoint();
            return Verdict::again;
        }
        const std::string words = error_words(attempt.body);
        why = "unauthorized: " + base::quote(endpoint().registry) + " refused " + resource_.what +
              (words.empty() ? "" : ": " + words);
    } catch (const base::Error& error) {
        if (error.code() != 0) throw;  // interrupted
        why = error.message();
        if (!error.hint().empty()) hint = error.hint();
    }
    return next_endpoint(base::Error(why, hint));
}

Exchange::Verdict Exchange::try_later(const base::Error& error,
                                      std::optional<std::chrono::seconds> asked) {
    const RetryPolicy& policy = session_.config().retry;
    const bool last = index_ + 1 == endpoints_.size();
    ++failures_;
    if (failures_ >= (last ? policy.tries : std::min(policy.tries, kMirrorTries))) {
        return next_endpoint(error);
    }
    if (asked && *asked > policy.cap) {
        // Hours: waited for as long as is bearable, and not again.
        if (long_wait_used_ || !last) return next_endpoint(error);
        long_wait_used_ = true;
    }
    delay_ = policy.delay(failures_, asked);
    base::log::debug(error.message() + "; next try in " + std::to_string(delay_.count()) + " ms");
    if (asked && *asked >= std::chrono::seconds(5)) {
        base::log::notice(base::quote(url_.authority()) + " asks to wait; going on in " +
                          std::to_string(delay_.count() / 1000) + " s");
    }
    restart_at_endpoint();
    return Verdict::again;
}

Exchange::Verdict Exchange::next_endpoint(const base::Error& error) {
    return next_endpoint(std::make_exception_ptr(error));
}

Exchange::Verdict Exchange::next_endpoint(const std::exception_ptr& error) {
    if (index_ + 1 == endpoints_.size()) std::rethrow_exception(error);
    base::log::debug("mirror " + base::quote(endpoint().authority) + " is of no use for " +
                     resource_.what);
    ++index_;
    rounds_ = 0;
    failures_ = 0;
    delay_ = std::chrono::milliseconds(0);
    first_scheme_failure_.reset();
    restart_at_endpoint();
    return Verdict::again;
}

void Exchange::reject(const std::exception_ptr& error) {
    (void)next_endpoint(error);
}

base::Error Exchange::describe_status(const Attempt& attempt) const {
    const int status = attempt.head->status;
    const std::string words = error_words(attempt.body);
    const std::string tail = words.empty() ? "" : ": " + words;
    const std::string host = base::quote(url_.authority());
    if (status == 403) {
        return base::Error("permission denied: " + host + " refused " + resource_.what + tail,
                           "sandbox login " + endpoints_[index_]->registry);
    }
    if (status == 429) {
        return base::Error("too many requests: " + host + " limits how often it is asked" + tail,
                           "wait, or log in: sandbox login " + endpoints_[index_]->registry);
    }
    return base::Error(host + " answered " + resource_.what + " with status " +
                       std::to_string(status) + tail);
}

}  // namespace sandbox::registry

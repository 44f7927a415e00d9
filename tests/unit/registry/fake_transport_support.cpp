#include "unit/registry/fake_transport_support.hpp"

namespace sandbox::test {

using namespace registry;

Transport::Id FakeTransport::start(HttpRequest request, HttpHandler& handler) {
    auto& queue = world_.answers[request.url.str()];
    FakeAnswer answer;
    if (queue.empty()) {
        answer.status = 404;
    } else {
        answer = queue.front();
        if (queue.size() > 1) queue.pop_front();
    }
    world_.requests.push_back(std::move(request));
    pending_.emplace(++last_, Pending{std::move(answer), &handler});
    return last_;
}

void FakeTransport::deliver(const Pending& pending) {
    const FakeAnswer& answer = pending.answer;
    HttpOutcome outcome;
    outcome.fault = answer.fault;
    outcome.peer = answer.peer;
    if (answer.status != 0) {
        HttpHead head;
        head.status = answer.status;
        head.headers = answer.headers;
        try {
            Flow flow = pending.handler->on_head(head);
            if (flow == Flow::go_on && !answer.body.empty()) {
                flow = pending.handler->on_data(answer.body);
            }
            if (flow == Flow::stop) outcome.fault = Fault::stopped;
        } catch (...) {
            outcome.fault = Fault::stopped;
            outcome.thrown = std::current_exception();
        }
    }
    pending.handler->on_done(std::move(outcome));
}

void FakeTransport::step(std::chrono::milliseconds timeout, std::span<pollfd> /*extra*/) {
    if (pending_.empty()) {
        world_.now += timeout;
        world_.waits.push_back(timeout);
        return;
    }
    const Pending pending = std::move(pending_.begin()->second);
    pending_.erase(pending_.begin());
    deliver(pending);
}

FakeWorld::FakeWorld(const std::string& config) {
    Clock clock;
    clock.now = [this] { return now; };
    clock.unix_now = [this] { return unix_now; };
    core = std::make_unique<Core>(
        std::make_unique<FakeTransport>(*this), parse_config(config, "config.toml"),
        [](const char*) { return std::optional<std::string>(); }, clock);
}

std::vector<std::string> FakeWorld::urls() const {
    std::vector<std::string> all;
    for (const HttpRequest& request : requests) all.push_back(request.url.str());
    return all;
}

std::string FakeWorld::header(size_t request, std::string_view name) const {
    for (const auto& [key, value] : requests.at(request).headers) {
        if (key == name) return value;
    }
    return {};
}

}  // namespace sandbox::test

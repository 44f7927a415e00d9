#include "seccomp_compact.hpp"

#include <linux/seccomp.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "seccomp_layout.hpp"

namespace sandbox::kernel {
namespace {

constexpr std::uint32_t kNumber = offsetof(seccomp_data, nr);
constexpr std::uint32_t kArch = offsetof(seccomp_data, arch);
constexpr size_t kShortJump = 255;
constexpr size_t kMaxStub = 1024;  // instructions; far beyond any real rule

struct NotUnderstood {};

bool is_load(const sock_filter& step) {
    return step.code == (BPF_LD | BPF_W | BPF_ABS);
}
bool is_and(const sock_filter& step) {
    return step.code == (BPF_ALU | BPF_AND | BPF_K);
}
bool is_return(const sock_filter& step) {
    return step.code == (BPF_RET | BPF_K);
}
bool is_jump(const sock_filter& step) {
    return step.code == (BPF_JMP | BPF_JA);
}
bool is_branch(const sock_filter& step) {
    return step.code == (BPF_JMP | BPF_JEQ | BPF_K) || step.code == (BPF_JMP | BPF_JGE | BPF_K) ||
           step.code == (BPF_JMP | BPF_JGT | BPF_K) || step.code == (BPF_JMP | BPF_JSET | BPF_K);
}

bool holds(const sock_filter& step, std::uint32_t value) {
    switch (BPF_OP(step.code)) {
        case BPF_JEQ:
            return value == step.k;
        case BPF_JGE:
            return value >= step.k;
        case BPF_JGT:
            return value > step.k;
        default:
            return (value & step.k) != 0;
    }
}

void append(BpfProgram& to, const BpfProgram& from) {
    to.insert(to.end(), from.begin(), from.end());
}

// `test` with `if_true` and `if_false` behind it.
BpfProgram branch(sock_filter test, const BpfProgram& if_true, const BpfProgram& if_false) {
    BpfProgram code;
    if (if_true.size() <= kShortJump) {
        test.jt = 0;
        test.jf = static_cast<__u8>(if_true.size());
        code.push_back(test);
    } else {
        test.jt = 1;
        test.jf = 0;
        code.push_back(test);
        code.push_back(BPF_STMT(BPF_JMP | BPF_JA, static_cast<__u32>(if_true.size())));
        // Reached by jt: skips the jump.
    }
    append(code, if_true);
    append(code, if_false);
    return code;
}

// The program with architecture and number given: what is left are tests of arguments.
class Specializer {
  public:
    Specializer(const BpfProgram& program, std::uint32_t arch, std::uint32_t number)
        : program_(program), arch_(arch), number_(number) {}

    BpfProgram run() { return from(0, 0u, 0); }

  private:
    // `value`: what the accumulator holds, absent when it came from an argument.
    BpfProgram from(size_t at, std::optional<std::uint32_t> value, size_t depth) {
        if (depth > kMaxStub) throw NotUnderstood{};
        BpfProgram code;
        for (;;) {
            if (at >= program_.size() || code.size() > kMaxStub) throw NotUnderstood{};
            const sock_filter& step = program_[at];
            if (is_return(step)) {
                code.push_back(step);
                return code;
            }
            if (is_jump(step)) {
                at += 1 + step.k;
            } else if (is_load(step)) {
                value = known(step.k);
                if (!value) code.push_back(step);
                ++at;
            } else if (is_and(step)) {
                if (value) {
                    value = *value & step.k;
                } else {
                    code.push_back(step);
                }
                ++at;
            } else if (!is_branch(step)) {
                throw NotUnderstood{};
            } else if (value) {
                at += 1 + (holds(step, *value) ? step.jt : step.jf);
            } else {
                append(code, branch(step, from(at + 1 + step.jt, value, depth + 1),
                                    from(at + 1 + step.jf, value, depth + 1)));
                return code;
            }
        }
    }

    [[nodiscard]] std::optional<std::uint32_t> known(std::uint32_t offset) const {
        if (offset == kNumber) return number_;
        if (offset == kArch) return arch_;
        return std::nullopt;
    }

    const BpfProgram& program_;
    std::uint32_t arch_;
    std::uint32_t number_;
};

struct Interval {
    std::uint32_t first;
    BpfProgram code;
};

bool same(const BpfProgram& a, const BpfProgram& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](const sock_filter& x, const sock_filter& y) {
                          return x.code == y.code && x.jt == y.jt && x.jf == y.jf && x.k == y.k;
                      });
}

// Some intervals that are told apart by one another: the first one and, within numbers that get the
// same answer as it, single ones that do not.
struct Group {
    const Interval* first;
    size_t exceptions;
};

std::vector<Group> group(const std::vector<Interval>& intervals) {
    constexpr size_t kMostExceptions = 3;  // in a row, so few: others are found by halving
    std::vector<Group> groups;
    for (size_t i = 0; i < intervals.size(); ++i) {
        Group next{&intervals[i], 0};
        while (next.exceptions < kMostExceptions && i + 2 < intervals.size() &&
               intervals[i + 2].first - intervals[i + 1].first == 1 &&
               same(intervals[i + 2].code, next.first->code)) {
            ++next.exceptions;
            i += 2;
        }
        groups.push_back(next);
    }
    return groups;
}

using Place = BackwardsLayout::Place;

Place write_group(BackwardsLayout& layout, const Group& group) {
    Place place = layout.block(group.first->code);
    for (size_t i = 0; i < group.exceptions; ++i) {
        const Interval& exception = group.first[2 * i + 1];
        place = layout.test(BPF_JEQ, exception.first, layout.block(exception.code), place);
    }
    return place;
}

Place write_search(BackwardsLayout& layout, const Group* first, size_t count) {
    if (count == 1) return write_group(layout, *first);
    const size_t half = count / 2;
    const Place above = write_search(layout, first + half, count - half);
    const Place below = write_search(layout, first, half);
    return layout.test(BPF_JGE, first[half].first->first, above, below);
}

// What one architecture's calls are answered.
struct Architecture {
    std::uint32_t first;
    std::vector<Interval> numbers;
};

bool same(const std::vector<Interval>& a, const std::vector<Interval>& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](const Interval& x, const Interval& y) {
                          return x.first == y.first && same(x.code, y.code);
                      });
}

Place write_numbers(BackwardsLayout& layout, const std::vector<Interval>& numbers) {
    const std::vector<Group> groups = group(numbers);
    const Place place = write_search(layout, groups.data(), groups.size());
    return numbers.size() == 1 ? place : layout.load(kNumber, place);
}

Place write_architectures(BackwardsLayout& layout, const Architecture* first, size_t count) {
    if (count == 1) return write_numbers(layout, first->numbers);
    const size_t half = count / 2;
    const Place above = write_architectures(layout, first + half, count - half);
    const Place below = write_architectures(layout, first, half);
    return layout.test(BPF_JGE, first[half].first, above, below);
}

class Compactor {
  public:
    explicit Compactor(const BpfProgram& program) : program_(program) {
        // The answer can change only where some comparison's constant lies, whatever it compares.
        points_ = {0};
        for (const sock_filter& step : program) {
            if (!is_branch(step)) continue;
            if (BPF_OP(step.code) == BPF_JSET) continue;  // arguments only: checked below
            points_.push_back(step.k);
            if (step.k != UINT32_MAX) points_.push_back(step.k + 1);
        }
        std::sort(points_.begin(), points_.end());
        points_.erase(std::unique(points_.begin(), points_.end()), points_.end());
        refuse_masks_of_numbers();
    }

    BpfProgram run() {
        std::vector<Architecture> architectures;
        for (const std::uint32_t arch : architecture_points()) {
            std::vector<Interval> numbers = collect(arch);
            if (!architectures.empty() && same(architectures.back().numbers, numbers)) continue;
            architectures.push_back({arch, std::move(numbers)});
        }
        BackwardsLayout layout;
        const Place start = write_architectures(layout, architectures.data(), architectures.size());
        layout.load(kArch, start);
        return layout.finish();
    }

  private:
    [[nodiscard]] std::vector<Interval> collect(std::uint32_t arch) const {
        std::vector<Interval> intervals;
        for (const std::uint32_t point : points_) {
            BpfProgram code = Specializer(program_, arch, point).run();
            if (!intervals.empty() && same(intervals.back().code, code)) continue;
            intervals.push_back({point, std::move(code)});
        }
        return intervals;
    }

    // Only what is compared while the accumulator holds the architecture, wherever that leads.
    [[nodiscard]] std::vector<std::uint32_t> architecture_points() const {
        std::vector<std::uint32_t> points{0};
        std::vector<bool> seen(program_.size(), false);
        std::vector<size_t> open;
        const auto go_to = [&](size_t at) {
            if (at >= program_.size() || seen[at]) return;
            seen[at] = true;
            open.push_back(at);
        };
        for (size_t i = 0; i < program_.size(); ++i) {
            if (is_load(program_[i]) && program_[i].k == kArch) go_to(i + 1);
        }
        while (!open.empty()) {
            const size_t at = open.back();
            open.pop_back();
            const sock_filter& step = program_[at];
            if (is_jump(step)) go_to(at + 1 + step.k);
            if (!is_branch(step)) continue;
            points.push_back(step.k);
            if (step.k != UINT32_MAX) points.push_back(step.k + 1);
            go_to(at + 1 + step.jt);
            go_to(at + 1 + step.jf);
        }
        std::sort(points.begin(), points.end());
        points.erase(std::unique(points.begin(), points.end()), points.end());
        return points;
    }

    // Intervals say nothing about single bits.
    void refuse_masks_of_numbers() const {
        bool argument = false;
        for (const sock_filter& step : program_) {
            if (is_load(step)) argument = step.k != kNumber && step.k != kArch;
            const bool mask = is_and(step) || (is_branch(step) && BPF_OP(step.code) == BPF_JSET);
            if (mask && !argument) throw NotUnderstood{};
        }
    }

    const BpfProgram& program_;
    std::vector<std::uint32_t> points_;
};

}  // namespace

BpfProgram compact(const BpfProgram& program) {
    try {
        BpfProgram shorter = Compactor(program).run();
        return shorter.size() < program.size() ? shorter : program;
    } catch (const NotUnderstood&) {
        return program;
    }
}

}  // namespace sandbox::kernel

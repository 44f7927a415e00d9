#include "seccomp_compact.hpp"

#include <linux/seccomp.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>

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

BpfProgram search(const Interval* first, size_t count) {
    if (count == 1) return first->code;
    const size_t half = count / 2;
    const sock_filter test = BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, first[half].first, 0, 0);
    return branch(test, search(first + half, count - half), search(first, half));
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
        std::vector<Interval> architectures = collect(
            [&](std::uint32_t arch) {
                std::vector<Interval> numbers = collect([&](std::uint32_t number) {
                    return Specializer(program_, arch, number).run();
                });
                BpfProgram block{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kNumber)};
                if (numbers.size() == 1) block.clear();
                append(block, search(numbers.data(), numbers.size()));
                return block;
            },
            architecture_points());
        BpfProgram result{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kArch)};
        append(result, search(architectures.data(), architectures.size()));
        return result;
    }

  private:
    template <typename Make>
    std::vector<Interval> collect(Make&& make) {
        return collect(make, points_);
    }
    template <typename Make>
    std::vector<Interval> collect(Make&& make, const std::vector<std::uint32_t>& points) {
        std::vector<Interval> intervals;
        for (const std::uint32_t point : points) {
            BpfProgram code = make(point);
            if (!intervals.empty() && same(intervals.back().code, code)) continue;
            intervals.push_back({point, std::move(code)});
        }
        return intervals;
    }

    // Only what is compared right after the architecture was loaded.
    std::vector<std::uint32_t> architecture_points() const {
        std::vector<std::uint32_t> points{0};
        for (size_t i = 0; i + 1 < program_.size(); ++i) {
            if (!is_load(program_[i]) || program_[i].k != kArch) continue;
            for (size_t j = i + 1; j < program_.size() && !is_load(program_[j]); ++j) {
                if (!is_branch(program_[j])) continue;
                points.push_back(program_[j].k);
                if (program_[j].k != UINT32_MAX) points.push_back(program_[j].k + 1);
            }
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

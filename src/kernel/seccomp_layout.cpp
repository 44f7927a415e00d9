#include "seccomp_layout.hpp"

#include <algorithm>

namespace sandbox::kernel {
namespace {

constexpr std::size_t kShortJump = 255;  // jt and jf are bytes: bpf(4)

bool equal_steps(const sock_filter& x, const sock_filter& y) {
    return x.code == y.code && x.jt == y.jt && x.jf == y.jf && x.k == y.k;
}

}  // namespace

// How many instructions a jump written now has to leave out.
std::size_t BackwardsLayout::distance(Place to) const noexcept {
    return reversed_.size() - to - 1;
}

BackwardsLayout::Place BackwardsLayout::block(const BpfProgram& code) {
    const auto known = std::find_if(known_.begin(), known_.end(), [&](const Known& other) {
        return std::equal(code.begin(), code.end(), other.code.begin(), other.code.end(),
                          equal_steps);
    });
    if (known != known_.end() && distance(known->place) <= kShortJump) return known->place;
    // Short answers are worth a copy; from a long one on, near() makes one jump instead.
    if (known != known_.end() && code.size() > 1) return known->place;
    reversed_.insert(reversed_.end(), code.rbegin(), code.rend());
    const Place place = reversed_.size() - 1;
    if (known != known_.end()) {
        known->place = place;
    } else {
        known_.push_back({code, place});
    }
    return place;
}

// Somewhere within reach that does what `to` does.
BackwardsLayout::Place BackwardsLayout::near(Place to) {
    const sock_filter& there = reversed_[to];
    if (there.code == (BPF_RET | BPF_K)) return block({there});
    reversed_.push_back(BPF_STMT(BPF_JMP | BPF_JA, static_cast<__u32>(distance(to))));
    return reversed_.size() - 1;
}

BackwardsLayout::Place BackwardsLayout::test(std::uint16_t comparison, std::uint32_t value,
                                             Place if_true, Place if_false) {
    // Bringing one near moves the other one away by an instruction.
    if (distance(if_true) > kShortJump) if_true = near(if_true);
    if (distance(if_false) > kShortJump) if_false = near(if_false);
    if (distance(if_true) > kShortJump) if_true = near(if_true);
    reversed_.push_back(BPF_JUMP(static_cast<__u16>(BPF_JMP | comparison | BPF_K), value,
                                 static_cast<__u8>(distance(if_true)),
                                 static_cast<__u8>(distance(if_false))));
    return reversed_.size() - 1;
}

BackwardsLayout::Place BackwardsLayout::load(std::uint32_t offset, Place next) {
    if (distance(next) != 0) {
        reversed_.push_back(BPF_STMT(BPF_JMP | BPF_JA, static_cast<__u32>(distance(next))));
    }
    reversed_.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset));
    return reversed_.size() - 1;
}

BpfProgram BackwardsLayout::finish() const {
    return {reversed_.rbegin(), reversed_.rend()};
}

}  // namespace sandbox::kernel

// A small interpreter of classic BPF, as the kernel runs seccomp filters: proves what a program
// says without loading it. Little-endian.
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <vector>

namespace sandbox::test {

inline std::uint32_t run_bpf(const std::vector<sock_filter>& program, const seccomp_data& data) {
    std::uint32_t a = 0;
    for (std::size_t at = 0; at < program.size();) {
        const sock_filter& step = program[at++];
        const auto jump = [&](bool taken) { at += taken ? step.jt : step.jf; };
        switch (step.code) {
            case BPF_LD | BPF_W | BPF_ABS:
                if (step.k + 4 > sizeof data) throw std::runtime_error("load outside");
                std::memcpy(&a, reinterpret_cast<const char*>(&data) + step.k, 4);
                break;
            case BPF_ALU | BPF_AND | BPF_K:
                a &= step.k;
                break;
            case BPF_JMP | BPF_JA:
                at += step.k;
                break;
            case BPF_JMP | BPF_JEQ | BPF_K:
                jump(a == step.k);
                break;
            case BPF_JMP | BPF_JGE | BPF_K:
                jump(a >= step.k);
                break;
            case BPF_JMP | BPF_JGT | BPF_K:
                jump(a > step.k);
                break;
            case BPF_JMP | BPF_JSET | BPF_K:
                jump((a & step.k) != 0);
                break;
            case BPF_RET | BPF_K:
                return step.k;
            default:
                throw std::runtime_error("unknown instruction");
        }
    }
    throw std::runtime_error("ran off the end");
}

inline seccomp_data call_of(std::uint32_t arch, std::uint32_t number,
                            std::initializer_list<std::uint64_t> arguments = {}) {
    seccomp_data data{};
    data.arch = arch;
    data.nr = static_cast<int>(number);
    std::size_t i = 0;
    for (const std::uint64_t argument : arguments) data.args[i++] = argument;
    return data;
}

}  // namespace sandbox::test

# ISA-L: inflate of gzip layers, several times faster than zlib's. Debian has it as a shared library
# only. Built here: igzip and the checksums it needs.
source=libisal
binary=libisal-dev
upstream=2.30.0
orig_sha256=f363f1be3d657d5676cef5253ee2233e60116e2fa9c9de86881185bf81e0e4b8

build() {
    # host_cpu is always given, so that the machine that builds does not matter.
    case $arch in
    amd64) cpu=host_cpu=x86_64 ;;
    arm64) cpu=host_cpu=aarch64 ;;
    *) cpu=arch=noarch ;; # portable C
    esac
    make -f Makefile.unx -j "$jobs" lib units="crc igzip" "$cpu" DEBUG= DEBUG_nasm= \
        CC="$host_triplet-gcc" AR="$host_triplet-ar"
    mkdir -p "$prefix/lib" "$prefix/include/isa-l"
    cp bin/isa-l.a "$prefix/lib/libisal.a"
    cp include/igzip_lib.h include/crc.h include/types.h "$prefix/include/isa-l/"
}

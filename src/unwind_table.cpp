// In a static program the start-up code hands all unwind information to libgcc, which sorts it at
// the first exception: 5 ms with as many functions as this program has. The linker can write a
// sorted table beside it (--eh-frame-hdr), which libgcc uses when nothing was handed over. So these
// two take the place of libgcc's functions (--wrap; both, since its deregistration insists on what
// was registered): https://gcc.gnu.org/git, libgcc/crtstuff.c and unwind-dw2-fde-dip.c.

// NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming): the linker's names
extern "C" {
void __wrap___register_frame_info(const void* begin, void* object);
void* __wrap___deregister_frame_info(const void* begin);

void __wrap___register_frame_info(const void* /*begin*/, void* /*object*/) {}
void* __wrap___deregister_frame_info(const void* /*begin*/) {
    return nullptr;
}
}
// NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming)

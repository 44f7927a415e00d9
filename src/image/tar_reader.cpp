#include "image/tar_reader.hpp"

#include <archive.h>
#include <archive_entry.h>

#include <cstring>
#include <exception>

#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::image {
namespace {

struct ArchiveFree {
    void operator()(archive* handle) const noexcept { archive_read_free(handle); }
};
struct EntryFree {
    void operator()(archive_entry* handle) const noexcept { archive_entry_free(handle); }
};

}  // namespace

struct TarReader::Impl {
    NextBlock next_block;
    std::exception_ptr thrown;  // by next_block, under libarchive's frames
    std::span<const std::byte> first;
    bool first_given = false;
    bool empty_stream = false;
    bool stream_ended = false;
    std::uint64_t data_end = 0;  // of the current file's pieces so far
    std::unique_ptr<archive, ArchiveFree> handle;
    std::unique_ptr<archive_entry, EntryFree> entry;

    static la_ssize_t read(archive*, void* data, const void** buffer) noexcept {
        Impl& self = *static_cast<Impl*>(data);
        const std::span<const std::byte> block = self.take();
        *buffer = block.data();
        return self.thrown ? -1 : static_cast<la_ssize_t>(block.size());
    }

    std::span<const std::byte> take() noexcept {
        if (!first_given) {
            first_given = true;
            return first;
        }
        if (stream_ended) return {};
        try {
            const std::span<const std::byte> block = next_block();
            stream_ended = block.empty();
            return block;
        } catch (...) {
            thrown = std::current_exception();
            return {};
        }
    }

    void open() {
        handle.reset(archive_read_new());
        entry.reset(archive_entry_new());
        if (!handle || !entry) throw std::bad_alloc();
        archive_read_support_format_tar(handle.get());
        if (archive_read_open(handle.get(), this, nullptr, &Impl::read, nullptr) != ARCHIVE_OK)
            fail();
    }

    [[noreturn]] void fail() const {
        if (thrown) std::rethrow_exception(thrown);
        const char* text = archive_error_string(handle.get());
        throw base::IntegrityError("bad tar: " + base::escape_control(text ? text : "unreadable"));
    }

    // libarchive warns when it cannot turn a name into the locale's letters, and keeps the bytes,
    // which is what we want. Every other warning means that a header was not understood.
    void judge_warning() const {
        const char* text = archive_error_string(handle.get());
        if (text != nullptr && std::strstr(text, "can't be converted") != nullptr) return;
        fail();
    }
};

namespace {

EntryType entry_type(const TarEntry& parsed, archive_entry* entry) {
    if (archive_entry_hardlink(entry) != nullptr) return EntryType::hard_link;
    switch (archive_entry_filetype(entry)) {
        case AE_IFDIR:
            return EntryType::directory;
        case AE_IFLNK:
            return EntryType::symlink;
        case AE_IFIFO:
            return EntryType::fifo;
        case AE_IFCHR:
            return EntryType::char_device;
        case AE_IFBLK:
            return EntryType::block_device;
        case AE_IFSOCK:
            return EntryType::socket;
        case AE_IFREG:
            return EntryType::file;
        default:
            break;
    }
    throw base::IntegrityError("bad tar: entry " + base::quote(parsed.path) +
                               " is of no known type");
}

void copy_xattrs(TarEntry& parsed, archive_entry* entry) {
    parsed.xattrs.clear();
    int left = archive_entry_xattr_reset(entry);
    while (left-- > 0) {
        const char* name = nullptr;
        const void* value = nullptr;
        size_t size = 0;
        if (archive_entry_xattr_next(entry, &name, &value, &size) != ARCHIVE_OK) break;
        if (name != nullptr)
            parsed.xattrs.push_back({name, std::string(static_cast<const char*>(value), size)});
    }
}

void copy_time(TarEntry& parsed, archive_entry* entry) {
    const long nanoseconds = archive_entry_mtime_nsec(entry);
    parsed.mtime_seconds = archive_entry_mtime(entry);
    parsed.mtime_nanoseconds = nanoseconds >= 0 && nanoseconds < 1'000'000'000
                                   ? static_cast<std::uint32_t>(nanoseconds)
                                   : 0;
}

void copy_entry(TarEntry& parsed, archive_entry* entry) {
    const char* path = archive_entry_pathname(entry);
    if (path == nullptr) throw base::IntegrityError("bad tar: an entry without a name");
    parsed.path = path;
    parsed.type = entry_type(parsed, entry);
    const char* target = parsed.type == EntryType::hard_link ? archive_entry_hardlink(entry)
                         : parsed.type == EntryType::symlink ? archive_entry_symlink(entry)
                                                             : nullptr;
    parsed.link_target = target != nullptr ? target : "";
    parsed.mode = static_cast<mode_t>(archive_entry_perm(entry)) & 07777;
    parsed.uid = static_cast<std::uint64_t>(archive_entry_uid(entry));
    parsed.gid = static_cast<std::uint64_t>(archive_entry_gid(entry));
    copy_time(parsed, entry);
    const std::int64_t size = archive_entry_size_is_set(entry) ? archive_entry_size(entry) : 0;
    if (size < 0)
        throw base::IntegrityError("bad tar: entry " + base::quote(parsed.path) +
                                   " has a negative size");
    parsed.size_bytes = static_cast<std::uint64_t>(size);
    parsed.device_major = archive_entry_rdevmajor(entry);
    parsed.device_minor = archive_entry_rdevminor(entry);
    copy_xattrs(parsed, entry);
}

}  // namespace

TarReader::TarReader(NextBlock next_block) : impl_(std::make_unique<Impl>()) {
    impl_->next_block = std::move(next_block);
    impl_->first = impl_->next_block();
    // No byte at all is an empty layer; libarchive would not know the format.
    impl_->empty_stream = impl_->first.empty();
    if (!impl_->empty_stream) impl_->open();
}

TarReader::~TarReader() = default;

bool TarReader::next(TarEntry& entry) {
    if (impl_->empty_stream) return false;
    const int rc = archive_read_next_header2(impl_->handle.get(), impl_->entry.get());
    if (rc == ARCHIVE_EOF) return false;
    if (rc == ARCHIVE_WARN) {
        impl_->judge_warning();
    } else if (rc != ARCHIVE_OK) {
        impl_->fail();
    }
    impl_->data_end = 0;
    copy_entry(entry, impl_->entry.get());
    return true;
}

std::optional<TarReader::DataBlock> TarReader::next_data() {
    const void* data = nullptr;
    size_t size = 0;
    la_int64_t offset = 0;
    const int rc = archive_read_data_block(impl_->handle.get(), &data, &size, &offset);
    if (rc == ARCHIVE_EOF) return std::nullopt;
    if (rc != ARCHIVE_OK || offset < 0) impl_->fail();
    if (static_cast<std::uint64_t>(offset) < impl_->data_end)
        throw base::IntegrityError("bad tar: pieces of a sparse file overlap");
    impl_->data_end = static_cast<std::uint64_t>(offset) + size;
    return DataBlock{{static_cast<const std::byte*>(data), size},
                     static_cast<std::uint64_t>(offset)};
}

void TarReader::drain() {
    while (!impl_->stream_ended && !impl_->empty_stream && !impl_->thrown) (void)impl_->take();
    if (impl_->thrown) std::rethrow_exception(impl_->thrown);
}

}  // namespace sandbox::image

# libcurl, cut down to what a registry client needs: HTTP and HTTPS through OpenSSL, names through
# c-ares (getaddrinfo does not work in a static program). Debian's static library wants LDAP,
# Kerberos, SSH, RTMP and more. No content decoding: layer bytes must arrive as they were hashed.
source=curl
binary=libcurl4-openssl-dev
upstream=7.88.1
orig_sha256=cdb38b72e36bc5d33d5b8810f8018ece1baa29a8f215b4495e495ded82bbf3c7

build() {
    cross=
    if [ "$arch" != "$(dpkg --print-architecture)" ]; then
        cross="-DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=${host_triplet%%-*}
            -DCMAKE_C_COMPILER=$host_triplet-gcc -DCMAKE_LIBRARY_ARCHITECTURE=$host_triplet"
    fi
    cmake -S . -B build-static -G Ninja -DCMAKE_BUILD_TYPE=Release \
        -DCMAKE_C_FLAGS="-ffunction-sections -fdata-sections" -DCMAKE_C_FLAGS_RELEASE=-O2 \
        -DCMAKE_INSTALL_PREFIX="$prefix" -DCMAKE_INSTALL_LIBDIR=lib $cross \
        -DBUILD_SHARED_LIBS=OFF -DBUILD_CURL_EXE=OFF -DBUILD_TESTING=OFF -DENABLE_MANUAL=OFF \
        -DHTTP_ONLY=ON -DCURL_USE_OPENSSL=ON -DENABLE_ARES=ON -DENABLE_UNIX_SOCKETS=OFF \
        -DCURL_ZLIB=OFF -DCURL_BROTLI=OFF -DCURL_ZSTD=OFF -DUSE_NGHTTP2=OFF -DUSE_LIBIDN2=OFF \
        -DCURL_USE_LIBPSL=OFF -DCURL_USE_LIBSSH2=OFF -DCURL_USE_LIBSSH=OFF -DCURL_USE_GSSAPI=OFF \
        -DUSE_LIBRTMP=OFF -DCURL_DISABLE_ALTSVC=ON -DCURL_DISABLE_HSTS=ON \
        -DCURL_DISABLE_COOKIES=ON -DCURL_DISABLE_NETRC=ON -DCURL_DISABLE_NTLM=ON \
        -DCURL_DISABLE_DOH=ON -DCURL_DISABLE_MIME=ON -DCURL_DISABLE_GETOPTIONS=ON \
        -DCURL_DISABLE_LIBCURL_OPTION=ON -DCURL_CA_BUNDLE=none -DCURL_CA_PATH=none \
        -DCURL_CA_FALLBACK=OFF -DPICKY_COMPILER=OFF
    cmake --build build-static -j "$jobs"
    cmake --install build-static
}

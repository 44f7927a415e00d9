#include "cli/app.hpp"

int main(int argc, char** argv) {
    return sandbox::cli::run(argc, argv);
}

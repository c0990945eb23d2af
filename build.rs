//! How the shared library is linked.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux") {
        // Without a SONAME a host would bake in the path it was built with. The number changes
        // with the binary interface only.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libnexusfs.so.0");
        // Never unloaded: the fork handler stays registered for the life of the process, and
        // thread-local destructors may run at any time.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}

internal import Synchronization

#if canImport(Glibc)
  internal import Glibc
#endif

/// Turns the `SIGBUS` of a mapped file that shrank into an error.
///
/// The kernel raises `SIGBUS` when a page beyond a file's new end is touched. The handler puts a
/// page of zeros there, notes which mapping was hit, and lets the program go on; `check()` then
/// throws. Whoever is about to trust results (an output file about to be committed, a command
/// about to report) calls `check()` first.
public enum MappingGuard {
  /// The most mappings that are watched at once; further ones keep the system's behaviour.
  private static let capacity = 4096

  /// Two words a slot: start and end address. A zero start is a free slot. Plain memory, because
  /// the handler may touch nothing that locks or allocates.
  nonisolated(unsafe) private static let slots: UnsafeMutablePointer<UInt> = {
    let slots = UnsafeMutablePointer<UInt>.allocate(capacity: 2 * capacity)
    unsafe slots.initialize(repeating: 0, count: 2 * capacity)
    return unsafe slots
  }()
  /// One more than the slot whose mapping faulted, or 0.
  nonisolated(unsafe) private static let faultedSlot: UnsafeMutablePointer<Int> = {
    let fault = UnsafeMutablePointer<Int>.allocate(capacity: 1)
    unsafe fault.initialize(to: 0)
    return unsafe fault
  }()
  private static let pageSize = UInt(sysconf(Int32(_SC_PAGESIZE)))

  private struct Watch {
    var isInstalled = false
    var paths: [Int: String] = [:]
    var failure: FileError?
  }
  private static let watch = Mutex(Watch())

  /// Throws when a mapped file was found to have shrunk since the process started, or a file that
  /// is not mapped could not be read.
  public static func check() throws(FileError) {
    let failure: FileError? = watch.withLock { state in
      noteFault(&state)
      return state.failure
    }
    if let failure { throw failure }
  }

  /// Takes note of bytes that could not be provided, for `check()` to throw.
  static func note(_ failure: FileError) {
    watch.withLock { if $0.failure == nil { $0.failure = failure } }
  }

  static func watch(_ bytes: UnsafeRawBufferPointer, path: String) {
    guard let base = bytes.baseAddress else { return }
    watch.withLock { state in
      if !state.isInstalled {
        state.isInstalled = true
        install()
      }
      guard let slot = (0..<capacity).first(where: { unsafe slots[2 * $0] == 0 }) else { return }
      state.paths[slot] = path
      unsafe slots[2 * slot + 1] = UInt(bitPattern: base) + UInt(bytes.count)
      unsafe slots[2 * slot] = UInt(bitPattern: base)
    }
  }

  static func unwatch(_ bytes: UnsafeRawBufferPointer) {
    let start = UInt(bitPattern: bytes.baseAddress)
    watch.withLock { state in
      guard let slot = (0..<capacity).first(where: { unsafe slots[2 * $0] == start }) else {
        return
      }
      noteFault(&state)
      unsafe slots[2 * slot] = 0
      state.paths[slot] = nil
    }
  }

  private static func noteFault(_ state: inout Watch) {
    let slot = unsafe faultedSlot.pointee - 1
    guard slot >= 0, state.failure == nil else { return }
    state.failure = FileError(.shrank, path: state.paths[slot] ?? "a mapped file")
  }

  private static func install() {
    // Everything the handler touches exists before it can run.
    _ = unsafe (slots, faultedSlot)
    _ = pageSize
    var action = sigaction()
    action.sa_flags = SA_SIGINFO | Int32(bitPattern: UInt32(SA_NODEFER))
    unsafe action.__sigaction_handler.sa_sigaction = { _, info, _ in
      let address = unsafe UInt(bitPattern: info?.pointee._sifields._sigfault.si_addr)
      for slot in 0..<MappingGuard.capacity {
        let start = unsafe MappingGuard.slots[2 * slot]
        let end = unsafe MappingGuard.slots[2 * slot + 1]
        let page = address / MappingGuard.pageSize * MappingGuard.pageSize
        guard start != 0, address >= start, page < end else { continue }
        let mapped = unsafe mmap(
          UnsafeMutableRawPointer(bitPattern: page), Int(MappingGuard.pageSize), PROT_READ,
          MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0)
        guard unsafe mapped != MAP_FAILED else { break }
        unsafe MappingGuard.faultedSlot.pointee = slot + 1
        return
      }
      // Not ours: let the fault happen again with the system's own behaviour.
      _ = signal(SIGBUS, SIG_DFL)
    }
    unsafe sigaction(SIGBUS, &action, nil)
  }
}

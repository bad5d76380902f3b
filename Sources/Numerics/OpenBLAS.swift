internal import Glibc
internal import TensorCore

/// The functions of OpenBLAS (CBLAS and LAPACK) that the library calls, loaded when the first of
/// them is.
///
/// As soon as it is loaded, OpenBLAS starts a thread for every core, and they wait by spinning; most
/// commands multiply no matrices and do without. Work is spread over the cores around it, so it is
/// told to stay on its caller's thread.
enum OpenBLAS {
  /// CBLAS's numbers for the order of elements, transposition and the triangle of a symmetric matrix.
  enum Flag {
    static let rowMajor: Int32 = 101
    static let plain: Int32 = 111
    static let transposed: Int32 = 112
    static let lower: Int32 = 122
  }

  /// Order, transpositions of A and B, rows, columns, inner, alpha, A, its stride, B, its stride, beta,
  /// C, its stride.
  typealias SGEMM =
    @convention(c) (
      Int32, Int32, Int32, Int32, Int32, Int32, Float, UnsafePointer<Float>?, Int32,
      UnsafePointer<Float>?, Int32, Float, UnsafeMutablePointer<Float>?, Int32
    ) -> Void
  /// Order, triangle, transposition, size, inner, alpha, A, its stride, beta, C, its stride.
  typealias DSYRK =
    @convention(c) (
      Int32, Int32, Int32, Int32, Int32, Double, UnsafePointer<Double>?, Int32, Double,
      UnsafeMutablePointer<Double>?, Int32
    ) -> Void
  /// Job, triangle, order, matrix, its stride, values, work, its room, integers, their room, info;
  /// then the lengths of the two letters, as Fortran has it.
  typealias SSYEVD =
    @convention(c) (
      UnsafePointer<CChar>?, UnsafePointer<CChar>?, UnsafePointer<Int32>?,
      UnsafeMutablePointer<Float>?, UnsafePointer<Int32>?, UnsafeMutablePointer<Float>?,
      UnsafeMutablePointer<Float>?, UnsafePointer<Int32>?, UnsafeMutablePointer<Int32>?,
      UnsafePointer<Int32>?, UnsafeMutablePointer<Int32>?, Int, Int
    ) -> Void
  /// As `SSYEVD`, in double precision.
  typealias DSYEVD =
    @convention(c) (
      UnsafePointer<CChar>?, UnsafePointer<CChar>?, UnsafePointer<Int32>?,
      UnsafeMutablePointer<Double>?, UnsafePointer<Int32>?, UnsafeMutablePointer<Double>?,
      UnsafeMutablePointer<Double>?, UnsafePointer<Int32>?, UnsafeMutablePointer<Int32>?,
      UnsafePointer<Int32>?, UnsafeMutablePointer<Int32>?, Int, Int
    ) -> Void
  /// Rows, columns, matrix, its stride, scales, work, its room, info.
  typealias SGEQRF =
    @convention(c) (
      UnsafePointer<Int32>?, UnsafePointer<Int32>?, UnsafeMutablePointer<Float>?,
      UnsafePointer<Int32>?, UnsafeMutablePointer<Float>?, UnsafeMutablePointer<Float>?,
      UnsafePointer<Int32>?, UnsafeMutablePointer<Int32>?
    ) -> Void
  /// Rows, columns, reflections, matrix, its stride, scales, work, its room, info.
  typealias SORGQR =
    @convention(c) (
      UnsafePointer<Int32>?, UnsafePointer<Int32>?, UnsafePointer<Int32>?,
      UnsafeMutablePointer<Float>?, UnsafePointer<Int32>?, UnsafePointer<Float>?,
      UnsafeMutablePointer<Float>?, UnsafePointer<Int32>?, UnsafeMutablePointer<Int32>?
    ) -> Void

  static let sgemm = function("cblas_sgemm", as: SGEMM.self)
  static let dsyrk = function("cblas_dsyrk", as: DSYRK.self)
  static let ssyevd = function("ssyevd_", as: SSYEVD.self)
  static let dsyevd = function("dsyevd_", as: DSYEVD.self)
  static let sgeqrf = function("sgeqrf_", as: SGEQRF.self)
  static let sorgqr = function("sorgqr_", as: SORGQR.self)

  private static let names = ["libopenblas.so.0", "libopenblas.so"]

  /// The library, as a number: pointers may not cross from one thread to another.
  private static let library: UInt = {
    for name in names {
      guard let handle = dlopen(name, RTLD_NOW | RTLD_LOCAL) else { continue }
      if let symbol = dlsym(handle, "openblas_set_num_threads") {
        unsafeBitCast(symbol, to: (@convention(c) (Int32) -> Void).self)(1)
      }
      return UInt(bitPattern: handle)
    }
    stop()
  }()

  private static func function<Function>(_ name: String, as type: Function.Type) -> Function {
    guard let symbol = dlsym(UnsafeMutableRawPointer(bitPattern: library), name) else { stop() }
    return unsafeBitCast(symbol, to: type)
  }

  /// Ends the process as the system's loader does when a library is missing: no computation can go on,
  /// and none of those who need it could do anything about it.
  private static func stop() -> Never {
    let reason = dlerror().map { String(cString: $0) } ?? "no reason given"
    TemporaryPaths.removeAll()
    let line = "assay: OpenBLAS (Debian's libopenblas0) cannot be loaded: \(reason)\n"
    _ = line.withCString { write(STDERR_FILENO, $0, strlen($0)) }
    exit(2)
  }
}

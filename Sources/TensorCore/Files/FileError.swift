#if canImport(Glibc)
  internal import Glibc
#endif

/// An error whose description is one line that names the place, what was expected and what was
/// found. The tool prints it as it is.
public protocol DescribedError: Error, CustomStringConvertible {}

/// A file could not be opened, read, mapped or written.
public struct FileError: DescribedError, Hashable {
  /// What was being done.
  public enum Operation: Sendable, Hashable {
    case open, read, map, write, create, rename, isFolder, notFolder, notEmpty, notRegular, empty,
      shrank
  }

  /// What was being done.
  public let operation: Operation
  /// The path, as the user gave it.
  public let path: String
  /// The operating system's error number, or 0.
  public let code: Int32

  /// Describes a failed operation on `path`.
  public init(_ operation: Operation, path: String, code: Int32 = 0) {
    self.operation = operation
    self.path = path
    self.code = code
  }

  /// The line shown to people.
  public var description: String {
    let reason = unsafe code == 0 ? "" : ": " + String(cString: strerror(code))
    return switch operation {
    case .open where code == ENOENT: "\(path): no such file or folder"
    case .open: "\(path): cannot be opened\(reason)"
    case .read: "\(path): cannot be read\(reason)"
    case .map: "\(path): cannot be mapped into memory\(reason)"
    case .write: "\(path): cannot be written\(reason)"
    case .create: "\(path): cannot be created\(reason)"
    case .rename: "\(path): the finished file cannot be moved into place\(reason)"
    case .isFolder: "\(path): is a folder, expected a file"
    case .notFolder: "\(path): is a file, expected a folder"
    case .notEmpty: "\(path): is a folder with files in it, expected a new or an empty one"
    case .notRegular: "\(path): is not a regular file"
    case .empty: "\(path): is empty (0 bytes)"
    case .shrank: "\(path): the file shrank while it was being read"
    }
  }
}

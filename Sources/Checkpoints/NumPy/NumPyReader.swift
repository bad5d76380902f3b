public import TensorCore

/// The arrays of a `.npz` archive under their members' names without `.npy`, or the one array of
/// a `.npy` file under the name `value`.
///
/// Stored little-endian arrays in C order are views straight into the mapping; others are put
/// together when they are asked for. A member's checksum is verified before an element is used.
public struct NumPyReader: TensorSource, CheckpointReader {
  /// The arrays of numbers, in the archive's order.
  public let tensors: [TensorDescription]
  /// Members that are no arrays of numbers: text, dates, files of something else.
  public let unreadMembers: [String]

  private let path: String
  private let arrays: [Array]

  /// An array of numbers and where it is.
  private struct Array: Sendable {
    let header: ArrayHeader
    let isBigEndian: Bool
    let place: Place
  }

  private enum Place: Sendable {
    case file(ByteStorage)
    case member(ZipMember, ZipContents)
  }

  /// The name of an array that has none.
  static let loneName = "value"
  private static let ending = ".npy"

  init(
    storage: ByteStorage, path: String, options: ReadingOptions = ReadingOptions()
  ) throws(NumPyError) {
    self.path = path
    var tensors: [TensorDescription] = []
    var arrays: [Array] = []
    var unread: [String] = []
    do throws(NumPyError.Problem) {
      if ZipArchive.recognises(storage) {
        let contents = try Self.contents(storage)
        for member in contents.archive.members {
          guard let name = Self.arrayName(member) else {
            // A folder's own entry holds nothing.
            if member.size > 0 || !member.name.hasSuffix("/") { unread.append(member.name) }
            continue
          }
          let header = try Self.header(of: member, in: contents)
          switch header.type {
          case .numbers(let type, let isBigEndian):
            tensors.append(
              TensorDescription(name: name, elementType: type, shape: header.shape))
            arrays.append(
              Array(
                header: header, isBigEndian: isBigEndian, place: .member(member, contents)))
          case .plain: unread.append(member.name)
          case .refused(let problem): throw .array(.type(problem), member: member.name)
          }
        }
      } else {
        let header = try Self.header(of: storage)
        switch header.type {
        case .numbers(let type, let isBigEndian):
          tensors = [
            TensorDescription(name: Self.loneName, elementType: type, shape: header.shape)
          ]
          arrays = [Array(header: header, isBigEndian: isBigEndian, place: .file(storage))]
        case .plain(let what): throw .array(.type("holds \(what), expected numbers"), member: nil)
        case .refused(let problem): throw .array(.type(problem), member: nil)
        }
      }
    } catch {
      throw NumPyError(path: path, problem: error)
    }
    self.tensors = tensors
    self.arrays = arrays
    unreadMembers = unread
  }

  private static func contents(
    _ storage: ByteStorage
  ) throws(NumPyError.Problem) -> ZipContents {
    do throws(ZipProblem) { return try ZipContents(storage) } catch { throw .zip(error) }
  }

  private static func header(
    of member: ZipMember, in contents: ZipContents
  ) throws(NumPyError.Problem) -> ArrayHeader {
    let start: [UInt8]
    do throws(ZipProblem) {
      start = try contents.start(of: member, count: ArrayHeader.byteLimit)
    } catch {
      throw .zip(error)
    }
    do throws(ArrayProblem) {
      return try ArrayHeader(start, count: member.size)
    } catch {
      throw .array(error, member: member.name)
    }
  }

  private static func header(of storage: ByteStorage) throws(NumPyError.Problem) -> ArrayHeader {
    do throws(ArrayProblem) {
      let start = storage.array(in: 0..<min(storage.count, ArrayHeader.byteLimit))
      return try ArrayHeader(start, count: storage.count)
    } catch {
      throw .array(error, member: nil)
    }
  }

  /// The array's name when a member is one: the member's without `.npy`.
  private static func arrayName(_ member: ZipMember) -> String? {
    member.name.hasSuffix(ending) ? String(member.name.dropLast(ending.count)) : nil
  }

  /// The tensor at an index of `tensors`.
  ///
  /// - Throws: `NumPyError` when the member's checksum is wrong or it does not inflate.
  public func tensor(at index: Int) throws -> TensorView {
    let array = arrays[index]
    let tensor = tensors[index]
    var (storage, range) = try bytes(of: array)
    range = range.lowerBound + array.header.dataOffset..<range.upperBound
    let isSwapped = array.isBigEndian && tensor.elementType.blockBytes > 1
    let isTurned = array.header.isFortranOrder && array.header.hasSeveralColumns
    guard isSwapped || isTurned, !range.isEmpty else {
      return TensorView(description: tensor, storage: storage, byteRange: range)
    }
    let order = array.header.order(of: tensor.elementType, isBigEndian: isSwapped)
    return StridedElements(order, in: storage, range).view(of: tensor)
  }

  private func bytes(of array: Array) throws(NumPyError) -> (ByteStorage, Range<Int>) {
    switch array.place {
    case .file(let storage): return (storage, 0..<storage.count)
    case .member(let member, let contents):
      do throws(ZipProblem) {
        return try contents.contents(of: member)
      } catch {
        throw NumPyError(path: path, problem: .zip(error))
      }
    }
  }

  static let format = ContainerFormat.numpy

  static func recognises(_ bytes: ByteStorage) -> Bool {
    ArrayHeader.recognises(bytes) || holdsArrays(bytes)
  }

  /// Whether a file is an archive with arrays in it, or empty, and not torch's. A damaged archive
  /// is left to the reader that reports it.
  private static func holdsArrays(_ bytes: ByteStorage) -> Bool {
    // torch's pickle is nearly always first: then the directory need not be read to know.
    guard ZipArchive.recognises(bytes), ZipArchive.firstName(bytes)?.hasSuffix("data.pkl") != true,
      let archive = try? ZipArchive(bytes)
    else { return false }
    // `numpy.savez` without arrays writes an empty archive, torch never does.
    return archive.members.isEmpty
      || archive.members.contains { arrayName($0) != nil }
        && !archive.members.contains { $0.name == "data.pkl" || $0.name.hasSuffix("/data.pkl") }
  }

  var checkpoint: Checkpoint {
    var metadata = JSONObject()
    if !unreadMembers.isEmpty {
      metadata["unreadMembers"] = .array(unreadMembers.map { .string($0) })
    }
    return Checkpoint(path: path, format: .numpy, source: self, metadata: metadata)
  }
}

extension ContainerFormat {
  /// NumPy's arrays: one `.npy`, or a zip of them.
  public static let numpy = ContainerFormat("numpy")
}

extension ArrayHeader {
  /// Whether Fortran's order differs from C's.
  fileprivate var hasSeveralColumns: Bool {
    shape.elementCount > 0 && shape.dimensions.count(where: { $0 > 1 }) > 1
  }

  /// How the elements lie behind the header.
  fileprivate func order(of type: ElementType, isBigEndian: Bool) -> StridedElements.Order {
    var strides = shape.rowMajorStrides
    if isFortranOrder {
      var stride = 1
      for (dimension, extent) in shape.dimensions.enumerated() {
        strides[dimension] = stride
        stride *= extent
      }
    }
    return StridedElements.Order(
      elementType: type, shape: shape, strides: strides, isBigEndian: isBigEndian)
  }
}

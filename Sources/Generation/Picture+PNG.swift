internal import CPNG
internal import CZlib
public import TensorCore

extension Picture {
  /// The picture as a PNG file.
  ///
  /// - Parameter text: what to note in the file, by keyword: `parameters`. Keywords are 1 to 79
  ///   Latin letters.
  /// - Throws: `PictureError` with libpng's reason.
  public func png(text: [(keyword: String, value: String)] = []) throws(PictureError) -> [UInt8] {
    guard
      let (wide, high) = UInt32(exactly: width).flatMap({ wide in
        UInt32(exactly: height).map { (wide, $0) }
      })
    else { throw PictureError(reason: "\(width) × \(height) is too large") }
    var image = png_image()
    image.version = png_uint_32(PNG_IMAGE_VERSION)
    image.width = wide
    image.height = high
    image.format = UInt32(PNG_FORMAT_FLAG_COLOR)
    defer { png_image_free(&image) }
    // libpng's own bound on the size; the first call with no memory would compress twice.
    var size = png_alloc_size_t(pixels.count + pixels.count / 100 + height * 16 + 4096)
    var bytes = [UInt8](repeating: 0, count: size)
    guard png_image_write_to_memory(&image, &bytes, &size, 0, pixels, 0, nil) != 0,
      size <= bytes.count
    else {
      let reason = withUnsafeBytes(of: image.message) { message in
        String(decoding: message.prefix { $0 != 0 }, as: UTF8.self)
      }
      throw PictureError(reason: reason)
    }
    let chunks = text.flatMap { Self.textChunk($0.keyword, $0.value) }
    return Array(bytes[..<Self.headerEnd]) + chunks + bytes[Self.headerEnd..<size]
  }

  /// Writes the picture as a PNG file, whole or not at all.
  ///
  /// - Throws: `PictureError`, `FileError`.
  public func writePNG(
    to path: String, text: [(keyword: String, value: String)] = []
  ) throws {
    try OutputFile.write(try png(text: text), to: path)
  }

  /// Where the first chunk behind the signature (8) and the header chunk (25) starts.
  private static let headerEnd = 33

  /// An uncompressed `iTXt` chunk (PNG specification, 11.3.3.4): UTF-8 without a language.
  private static func textChunk(_ keyword: String, _ value: String) -> [UInt8] {
    let body = Array("iTXt".utf8) + Array(keyword.utf8) + [0, 0, 0, 0, 0] + Array(value.utf8)
    return bigEndian(UInt32(body.count - 4)) + body + bigEndian(checksum(body))
  }

  private static func bigEndian(_ value: UInt32) -> [UInt8] {
    stride(from: 24, through: 0, by: -8).map { UInt8(truncatingIfNeeded: value >> $0) }
  }

  /// CRC-32 as the PNG specification's annex D has it: zlib's.
  private static func checksum(_ bytes: [UInt8]) -> UInt32 {
    UInt32(truncatingIfNeeded: crc32_z(0, bytes, bytes.count))
  }
}

/// A picture cannot be written as PNG.
public struct PictureError: DescribedError, Hashable {
  /// libpng's reason.
  public let reason: String

  /// The line shown to people.
  public var description: String { "the picture cannot be written as PNG: \(reason)" }
}

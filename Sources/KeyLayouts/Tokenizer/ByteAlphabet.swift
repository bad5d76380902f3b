/// GPT-2's way to write bytes as printable letters.
package enum ByteAlphabet {
  private static let letters: [Unicode.Scalar] = {
    var next: UInt32 = 256
    return (UInt8.min...UInt8.max).map { byte in
      if (33...126).contains(byte) || (161...172).contains(byte) || byte >= 174 {
        return Unicode.Scalar(byte)
      }
      defer { next += 1 }
      return Unicode.Scalar(next) ?? " "
    }
  }()
  private static let bytes = Dictionary(
    uniqueKeysWithValues: letters.enumerated().map { ($1, UInt8($0)) })

  /// The letter that stands for a byte.
  package static func letter(of byte: UInt8) -> Unicode.Scalar { letters[Int(byte)] }
  /// The byte that a letter stands for; `nil` for any other letter.
  package static func byte(of letter: Unicode.Scalar) -> UInt8? { bytes[letter] }
}

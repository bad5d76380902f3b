internal import Foundation
internal import TensorCore

/// Rows of text in aligned columns.
struct Table {
  /// On which side a column's cells are padded.
  enum Alignment {
    case left, right
  }

  private let alignments: [Alignment]
  private var rows: [[String]]

  /// Starts a table with a heading.
  init(_ columns: [(title: String, alignment: Alignment)]) {
    alignments = columns.map(\.alignment)
    rows = [columns.map(\.title)]
  }

  /// Appends a row: one cell a column. Control characters are escaped.
  mutating func add(_ cells: [String]) {
    rows.append(cells.map(\.escapingControls))
  }

  /// The lines of the table, each ended by a newline.
  var text: String {
    let lengths = rows.map { $0.map(Self.width) }
    let widths = alignments.indices.map { column in lengths.map { $0[column] }.max() ?? 0 }
    var text: [UInt8] = []
    for (row, lengths) in zip(rows, lengths) {
      var spaces = 0
      for column in alignments.indices {
        if column > 0 { spaces += 2 }
        let padding = widths[column] - lengths[column]
        if alignments[column] == .right { spaces += padding }
        if lengths[column] > 0 {
          // Spaces are written only in front of something: none at the end of a line.
          text.append(contentsOf: repeatElement(UInt8(ascii: " "), count: spaces))
          text.append(contentsOf: row[column].utf8)
          spaces = 0
        }
        if alignments[column] == .left { spaces += padding }
      }
      text.append(UInt8(ascii: "\n"))
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// The table in Markdown.
  var markdown: String {
    let rule = alignments.map { $0 == .left ? " --- |" : " ---: |" }.joined()
    return Self.markdownRow(rows[0]) + "|" + rule + "\n"
      + rows.dropFirst().map(Self.markdownRow).joined()
  }

  /// One row in Markdown, with what Markdown and HTML take for their own escaped.
  private static func markdownRow(_ cells: [String]) -> String {
    "| " + cells.map(\.escapingMarkdown).joined(separator: " | ") + " |\n"
  }

  /// How many characters wide a cell is.
  private static func width(_ cell: String) -> Int {
    cell.isPlainASCII ? cell.utf8.count : cell.count
  }
}

/// Numbers as people read them.
enum Format {
  /// A whole number with thousands separated: `859,520,964`.
  static func count(_ value: Int) -> String { value.grouped }

  /// A number of bytes in binary units: `1.99 GiB`.
  static func bytes(_ value: Int) -> String {
    let units = ["bytes", "KiB", "MiB", "GiB", "TiB"]
    var (amount, unit) = (Double(value), 0)
    while amount >= 1024, unit < units.count - 1 {
      amount /= 1024
      unit += 1
    }
    return unit == 0 ? "\(value) bytes" : "\(fixed(amount, 2)) \(units[unit])"
  }

  /// A time: `0.3 ms`, `12 ms`, `3.4 s`.
  static func seconds(_ value: Double) -> String {
    value < 1 ? "\(fixed(value * 1000, value < 0.01 ? 1 : 0)) ms" : "\(fixed(value, 1)) s"
  }

  /// A number with so many decimal places.
  static func fixed(_ value: Double, _ places: Int) -> String {
    String(format: "%.\(places)f", value)
  }
}

extension String {
  /// The text on one line, with what Markdown and HTML take for their own escaped.
  var escapingMarkdown: String {
    escapingControls.map { "\\`*_|<>[]&".contains($0) ? "\\\($0)" : String($0) }.joined()
  }
}

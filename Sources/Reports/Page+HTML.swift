internal import Foundation
internal import TensorCore

extension Page {
  /// The page as a document.
  public var html: String {
    """
    <!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>\(title.escapedForHTML)</title>
    <style>\(Self.style)</style>
    </head>
    <body>
    <header>
    <h1>\(title.escapedForHTML)</h1>
    <p class="verdict \(tone.rawValue)">\(verdict.escapedForHTML)</p>
    </header>
    <main>
    \(sections.map { Self.html($0.heading, $0.section) }.joined(separator: "\n"))
    </main>
    <script>\(Self.script)</script>
    </body>
    </html>

    """
  }

  private static func html(_ heading: String, _ section: Section) -> String {
    let body =
      switch section {
      case .facts(let facts): html(facts)
      case .map(let map): map.html
      case .bars(let chart): chart.html
      case .table(let table): table.html
      case .notes(let lines):
        "<ul>" + lines.map { "<li>\($0.escapedForHTML)</li>" }.joined() + "</ul>"
      }
    return "<section><h2>\(heading.escapedForHTML)</h2>\n\(body)\n</section>"
  }

  private static func html(_ facts: [Fact]) -> String {
    "<dl>"
      + facts.map { "<dt>\($0.term.escapedForHTML)</dt><dd>\($0.value.escapedForHTML)</dd>" }
      .joined() + "</dl>"
  }
}

extension BlockMap {
  fileprivate var html: String {
    let greatest = greatest
    let rows = groups.map { group in
      "<div class=\"group\"><span class=\"name\">\(group.name.escapedForHTML)</span>"
        + "<span class=\"cells\">\(group.cells.map { html($0, greatest) }.joined())</span></div>"
    }.joined(separator: "\n")
    let marks = Mark.allCases.filter { mark in
      groups.contains { $0.cells.contains { $0.mark == mark } }
    }.map { "<br><span class=\"sample \($0.rawValue)\"></span> \($0.meaning.escapedForHTML)" }
    return "<div class=\"map\">\n\(rows)\n</div>\n<p class=\"legend\">"
      + "<span class=\"ramp\"></span> \(figure.escapedForHTML), from 0 to "
      + "\(notation.text(greatest))\(marks.joined())</p>"
  }

  private func html(_ cell: Cell, _ greatest: Double) -> String {
    let mark = cell.mark.map { " " + $0.rawValue } ?? ""
    let title = "title=\"\(cell.caption.escapedForHTML)\">\(cell.label.escapedForHTML)"
    guard let value = cell.value, value.isFinite else {
      return "<span class=\"cell none\(mark)\" \(title)</span>"
    }
    // The root spreads small changes, which are the most.
    let share = greatest > 0 ? (max(value, 0) / greatest).squareRoot() : 0
    let hot = share > 0.75 ? " hot hottest" : share > 0.55 ? " hot" : ""
    return "<span class=\"cell\(hot)\(mark)\" style=\"--v:\(String(format: "%.3f", share))\" "
      + "\(title)<small>\(notation.text(value))</small></span>"
  }
}

extension BarChart {
  fileprivate var html: String {
    let most = max(counts.max() ?? 0, 1)
    let width = 100.0 / Double(max(counts.count, 1))
    let bars = counts.enumerated().map { place, count -> String in
      let height = 40 * Double(count) / Double(most)
      return "<rect x=\"\(String(format: "%.3f", Double(place) * width))\" "
        + "y=\"\(String(format: "%.3f", 40 - height))\" "
        + "width=\"\(String(format: "%.3f", width * 0.92))\" "
        + "height=\"\(String(format: "%.3f", height))\"><title>\(count)</title></rect>"
    }.joined()
    return "<figure><svg viewBox=\"0 0 100 40\" preserveAspectRatio=\"none\" role=\"img\" "
      + "aria-label=\"\(caption.escapedForHTML)\">\(bars)</svg>"
      + "<figcaption><span>\(lowest.escapedForHTML)</span><span>\(caption.escapedForHTML)</span>"
      + "<span>\(highest.escapedForHTML)</span></figcaption></figure>"
  }
}

extension DataTable {
  fileprivate var html: String {
    // In a script's text only `<` could end it.
    let data = json.text().replacing("<", with: "\\u003c")
    return """
      <div class="table">
      <label>Filter <input type="search" placeholder="part of a name, * for any text"></label>
      <output></output>
      <div class="scroll"><table><thead></thead><tbody></tbody></table></div>
      <script type="application/json">\(data)</script>
      </div>
      """
  }
}

extension String {
  /// The text as it stands in an element or an attribute. Control characters, which a page may not
  /// hold, are shown by their numbers.
  var escapedForHTML: String {
    var escaped = ""
    for scalar in unicodeScalars {
      switch scalar {
      case "&": escaped += "&amp;"
      case "<": escaped += "&lt;"
      case ">": escaped += "&gt;"
      case "\"": escaped += "&quot;"
      case "'": escaped += "&#39;"
      case "\n", "\t": escaped.unicodeScalars.append(scalar)
      case "\u{0}"..<"\u{20}", "\u{7F}"..<"\u{A0}":
        escaped += "\\u{\(String(scalar.value, radix: 16))}"
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }
}

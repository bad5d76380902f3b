import Foundation
import Reports
import TensorCore
import Testing

@Suite struct PageTests {
  private static func page(_ name: String) -> Page {
    var page = Page(title: name, verdict: "fine & <good>", tone: .good)
    page.add("Facts", .facts([Page.Fact("file", name)]))
    page.add(
      "Map",
      .map(
        BlockMap(
          figure: "change",
          groups: [
            BlockMap.Group(
              name: "unet",
              cells: [
                BlockMap.Cell(label: "down 0", value: 0.25, caption: name),
                BlockMap.Cell(label: "mid", value: 1, caption: "all"),
                BlockMap.Cell(label: "up 0", value: nil, caption: "none"),
                BlockMap.Cell(label: "up 1", value: .nan, caption: "not a number"),
                BlockMap.Cell(label: "up 2", value: nil, mark: .otherShape, caption: "odd"),
                BlockMap.Cell(label: "up 3", value: 0, mark: .oneSided, caption: "new"),
              ])
          ])))
    page.add(
      "Histogram",
      .bars(BarChart(counts: [0, 2, 4], lowest: "-1", highest: "1", caption: "values")))
    page.add(
      "Tensors",
      .table(
        DataTable(
          columns: [DataTable.Column("tensor"), DataTable.Column("size", .bytes)],
          rows: [[.string(name), 12], ["b", .null]])))
    page.add("Notes", .notes([name]))
    return page
  }

  /// A stranger's names become no elements, and end no script.
  @Test(arguments: [
    "</script><script>alert(1)</script>", "<img src=x onerror=alert(1)>", "\" onmouseover=\"x",
    "a&b'c", "\u{1B}[31mred", "<!--",
  ])
  func namesAreTextAndNothingElse(name: String) {
    let html = Self.page(name).html
    #expect(!html.contains(name) || name == "a&b'c" && !html.contains("<title>a&b"))
    #expect(html.components(separatedBy: "<script").count == 3)
    #expect(html.components(separatedBy: "</script>").count == 3)
    #expect(!html.contains("<img"))
    #expect(!html.unicodeScalars.contains("\u{1B}"))
  }

  @Test func thePageAsksNoNetwork() {
    let html = Self.page("model.ingot").html
    for word in ["http:", "https:", "src=", "href=", "url(", "@import", "fetch("] {
      #expect(!html.contains(word), "\(word)")
    }
    #expect(html.contains("name=\"viewport\""))
    #expect(html.contains("prefers-color-scheme:dark"))
  }

  @Test func cellsAreColouredByTheRootOfTheirShare() {
    let html = Self.page("m").html
    #expect(
      html.contains(
        "<span class=\"cell\" style=\"--v:0.500\" title=\"m\">down 0<small>0.25</small></span>"))
    #expect(
      html.contains(
        "<span class=\"cell hot hottest\" style=\"--v:1.000\" title=\"all\">mid<small>1</small></span>"
      ))
    #expect(html.contains("<span class=\"cell none\" title=\"none\">up 0</span>"))
    #expect(html.contains("<span class=\"cell none\" title=\"not a number\">up 1</span>"))
    #expect(html.contains("change, from 0 to 1<br>"))
  }

  /// What cannot be compared is not drawn as what did not change.
  @Test func marksAreDrawnAndExplained() {
    let html = Self.page("m").html
    #expect(html.contains("<span class=\"cell none other-shape\" title=\"odd\">up 2</span>"))
    #expect(html.contains("<span class=\"cell one-sided\" style=\"--v:0.000\" title=\"new\">up 3"))
    #expect(html.contains("<span class=\"sample other-shape\"></span> tensors of another shape"))
    #expect(
      html.contains("<span class=\"sample one-sided\"></span> tensors that one side alone has"))
    #expect(html.contains(".other-shape{"))
    var plain = Page(title: "", verdict: "", tone: .good)
    let cell = BlockMap.Cell(label: "mid", value: 1, caption: "")
    plain.add("", .map(BlockMap(figure: "f", groups: [BlockMap.Group(name: "", cells: [cell])])))
    #expect(!plain.html.contains("class=\"sample"))
  }

  @Test(arguments: [
    (BlockMap.Notation.count, 2368.0, "2,368"), (.count, 82_432, "82,432"),
    (.count, 60_105_600, "60.1 M"), (.count, 1_206_568_960, "1.21 G"), (.count, 0, "0"),
    (.figure, 2368, "2368"), (.figure, 0.0234, "0.0234"), (.figure, 82_432, "82432"),
    (.figure, 3.5e6, "3.5 M"),
  ])
  func thingsAreCountedInWholeNumbers(notation: BlockMap.Notation, value: Double, text: String) {
    var page = Page(title: "", verdict: "", tone: .good)
    let cell = BlockMap.Cell(label: "mid", value: value, caption: "")
    let group = BlockMap.Group(name: "unet", cells: [cell])
    page.add("", .map(BlockMap(figure: "things", notation, groups: [group])))
    #expect(page.html.contains("mid<small>\(text)</small>"))
    #expect(page.html.contains("things, from 0 to \(text)</p>"))
  }

  @Test func theTablesDataAreJSON() throws {
    let html = Self.page("a<b").html
    let start = try #require(html.range(of: "<script type=\"application/json\">"))
    let end = try #require(html.range(of: "</script>", range: start.upperBound..<html.endIndex))
    let data = try JSON(parsing: Array(html[start.upperBound..<end.lowerBound].utf8))
    #expect(data["rows"] == [["a<b", 12], ["b", .null]])
    #expect(data["columns"]?.arrayValue?.map { $0["kind"] } == ["text", "bytes"])
  }

  /// SDXL has 2,600 tensors.
  @Test func aLargeTableStaysSmall() {
    let rows = (0..<2600).map { number -> [JSON] in
      [
        .string(
          "unet.down_blocks.2.attentions.1.transformer_blocks.\(number).attn1.to_out.0.weight"),
        "f16", "[1280, 1280]", .number(1.234567e-3), .number(0.99999871), .integer(number), .null,
        .number(5e-7),
      ]
    }
    var page = Page(title: "SDXL", verdict: "", tone: .good)
    let columns = ["tensor", "dtype", "shape", "a", "b", "c", "d", "e"].map {
      DataTable.Column($0, .figure)
    }
    page.add("Tensors", .table(DataTable(columns: columns, rows: rows)))
    #expect(page.html.utf8.count < 1_000_000)
  }
}

internal import Checkpoints
internal import Inspection
internal import TensorCore

extension CheckpointSummary {
  /// The summary for people: totals, element types, metadata, opaque values, every tensor.
  var text: String {
    let count = checkpoint.source.tensors.count
    var text = "\(checkpoint.path.escapingControls): \(checkpoint.format.rawValue), "
    text +=
      "\(Format.count(count)) tensor\(count == 1 ? "" : "s"), \(Format.count(elementCount)) values, "
    text += "\(Format.bytes(byteCount))\n"
    text += "\n" + elementTypeTable.text
    if !checkpoint.metadata.members.isEmpty {
      text += "\nmetadata\n"
      for member in checkpoint.metadata.members {
        text += "  \(member.key.escapingControls): \(Self.short(member.value))\n"
      }
    }
    if !checkpoint.opaqueValues.isEmpty {
      text += "\nclasses and functions that the pickle names (none was imported or called)\n"
      for value in checkpoint.opaqueValues {
        let use = value.isCalled ? "would be called" : "is referred to"
        text += "  \(value.qualifiedName.escapingControls) \(use), byte \(value.offset)\n"
      }
    }
    return text + "\n" + tensorTable.text
  }

  private var elementTypeTable: Table {
    var table = Table([("dtype", .left), ("tensors", .right), ("values", .right), ("size", .right)])
    for count in elementTypes {
      table.add([
        count.elementType.name, Format.count(count.tensorCount), Format.count(count.elementCount),
        Format.bytes(count.byteCount),
      ])
    }
    return table
  }

  private var tensorTable: Table {
    var table = Table([("tensor", .left), ("dtype", .left), ("shape", .left)])
    for tensor in checkpoint.source.tensors {
      table.add([tensor.name, tensor.elementType.name, tensor.shape.description])
    }
    return table
  }

  /// A value on one line; long ones are cut.
  private static func short(_ value: JSON) -> String {
    let text = (value.stringValue ?? value.text()).escapingControls
    return text.count <= 120 ? text : text.prefix(117) + "..."
  }
}

internal import Inspection
internal import TensorCore

extension CheckpointSummary {
  /// What every tensor is where no family's table maps it; empty where one does.
  var accountTable: String {
    guard let accounts else { return "" }
    var table = Table([("tensor", .left), ("shape", .left), ("is", .left)])
    for account in accounts {
      table.add([account.tensor.name, account.tensor.shape.description, account.text])
    }
    return "\n" + table.text
  }

  /// The same for machines, in the place of the ledger; `nil` where there is one.
  var accountJSON: JSON? {
    accounts.map { accounts in ["entries": .array(accounts.map(\.json))] }
  }
}

extension Page {
  /// The page's style sheet.
  static let style = """
    :root{--paper:#fbfaf7;--ink:#1d1f21;--soft:#63676b;--line:#dcd9d0;--cold:#eceae2;--hot:#b3361f;
    --good:#1f7a3d;--notable:#9a6500;--bad:#b3261e;--card:#fff}
    @media (prefers-color-scheme:dark){:root{--paper:#15171a;--ink:#e8e6e1;--soft:#9ba0a6;
    --line:#31353a;--cold:#262a2f;--hot:#f0775a;--good:#6bcf8c;--notable:#e8b75a;--bad:#ff8a80;
    --card:#1b1e22}}
    *{box-sizing:border-box}
    body{margin:0;background:var(--paper);color:var(--ink);
    font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
    header,main{max-width:1180px;margin:0 auto;padding:0 20px}
    header{padding-top:28px}
    h1{font-size:1.45rem;margin:0 0 .3rem;overflow-wrap:anywhere}
    h2{font-size:1.05rem;margin:2rem 0 .7rem}
    .verdict{font-size:1.1rem;margin:0;padding-left:.7rem;border-left:4px solid var(--soft)}
    .verdict.good{border-color:var(--good)}
    .verdict.notable{border-color:var(--notable)}
    .verdict.bad{border-color:var(--bad)}
    dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1.2rem;margin:0}
    dt{color:var(--soft)}
    dd{margin:0;overflow-wrap:anywhere}
    .map{display:grid;gap:6px}
    .group{display:grid;grid-template-columns:10.5rem 1fr;gap:10px;align-items:center}
    .name{color:var(--soft);overflow-wrap:anywhere}
    .cells{display:flex;flex-wrap:wrap;gap:4px}
    .cell{min-width:2.6rem;padding:.3rem .5rem;border-radius:5px;font-size:.8rem;text-align:center;
    background:color-mix(in oklab,var(--cold),var(--hot) calc(var(--v)*100%))}
    .cell.hot{color:#fff}
    @media (prefers-color-scheme:dark){.cell.hottest{color:#1d1f21}}
    .cell small{display:block;opacity:.75;font-size:.7rem}
    .cell.none{background:none;outline:1px solid var(--line);color:var(--soft)}
    .other-shape{--stripe:color-mix(in oklab,var(--notable) 55%,transparent)}
    .hot.other-shape{--stripe:color-mix(in oklab,var(--ink) 45%,transparent)}
    .other-shape,.cell.none.other-shape{background-image:
    repeating-linear-gradient(135deg,var(--stripe) 0 3px,transparent 3px 9px)}
    .cell.none.other-shape{color:var(--ink);outline-color:var(--notable)}
    .one-sided,.cell.none.one-sided{outline:2px dashed var(--soft);outline-offset:-2px}
    .sample{display:inline-block;width:1.7rem;height:.9rem;border-radius:4px;
    vertical-align:text-bottom;background-color:var(--cold)}
    .legend{color:var(--soft);font-size:.85rem;margin:.6rem 0 0}
    .ramp{display:inline-block;width:7rem;height:.7rem;border-radius:4px;vertical-align:baseline;
    background:linear-gradient(90deg in oklab,var(--cold),var(--hot))}
    figure{margin:0;max-width:640px}
    svg{width:100%;height:130px;fill:var(--hot);background:var(--card);border:1px solid var(--line)}
    figcaption{display:flex;justify-content:space-between;gap:1rem;color:var(--soft);
    font-size:.85rem}
    .table label{color:var(--soft)}
    input{font:inherit;color:inherit;background:var(--card);border:1px solid var(--line);
    border-radius:6px;padding:.35rem .6rem;width:min(24rem,70vw);margin-left:.4rem}
    output{color:var(--soft);margin-left:.8rem;font-size:.85rem}
    .scroll{overflow:auto;max-height:76vh;margin-top:.6rem;border:1px solid var(--line);
    border-radius:8px;background:var(--card)}
    table{border-collapse:collapse;width:100%;font-size:.85rem;font-variant-numeric:tabular-nums}
    th,td{padding:.32rem .6rem;text-align:left;white-space:nowrap;border-bottom:1px solid var(--line)}
    th{position:sticky;top:0;background:var(--card);z-index:1;padding:0}
    th button{font:inherit;font-weight:600;color:inherit;background:none;border:0;padding:.45rem .6rem;
    cursor:pointer;width:100%;text-align:inherit}
    th[aria-sort=ascending] button::after{content:" ▲"}
    th[aria-sort=descending] button::after{content:" ▼"}
    .number{text-align:right}
    td:first-child{font-family:ui-monospace,Menlo,Consolas,monospace}
    ul{padding-left:1.2rem;margin:0}
    main{padding-bottom:60px}
    @media (max-width:640px){dl,.group{grid-template-columns:1fr}.name{margin-top:.3rem}
    header,main{padding-left:14px;padding-right:14px}dd{margin-bottom:.4rem}}
    """
}

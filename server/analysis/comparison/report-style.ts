/** The style of a report: the page's colours in both themes, always light on paper, page breaks between table rows. */
export const REPORT_STYLE = `
:root{color-scheme:light dark;--page:#F4F6F8;--card:#FFFFFF;--text:#15202B;--second:#45525F;--third:#5D6975;
--line:#D8DEE4;--edge:#7C8894;--accent:#0B5CC4;--good:#0B6B47;--slow:#B02A14;--failed:#7A1233;--unknown:#45525F;
--slow-bar:#D5361C;--failed-bar:#5E0B24;--unknown-bar:#7C8894;--good-bar:#2B8A62}
@media screen and (prefers-color-scheme:dark){:root{--page:#0E1319;--card:#161C24;--text:#E9EEF3;--second:#B3BECA;--third:#93A0AE;
--line:#2E3844;--edge:#7B8896;--accent:#74B4FF;--good:#63CFA5;--slow:#FF8A75;--failed:#FFD0DC;--unknown:#B3BECA;
--slow-bar:#FF6A60;--failed-bar:#FFE0E8;--unknown-bar:#7B8896;--good-bar:#3BA880}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--text);font:14px/20px system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;
font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
main{max-width:1040px;margin:0 auto;padding:32px 24px}
h1{font-size:24px;line-height:32px;font-weight:600;margin:0 0 4px}
h2{font-size:16px;line-height:24px;font-weight:600;margin:32px 0 8px}
p{margin:0 0 8px}
.second{color:var(--second)}.third{color:var(--third);font-size:12px;line-height:16px}
.verdict{border:1px solid var(--line);border-left:6px solid var(--unknown-bar);border-radius:8px;background:var(--card);
padding:12px 16px;margin:24px 0 16px}
.verdict p:last-child,.finding p:last-child{margin-bottom:0}
.pass{border-left-color:var(--good-bar)}.fail{border-left-color:var(--failed-bar)}
h2.headline{font-size:20px;line-height:28px;margin:0 0 8px}
.pass h2{color:var(--good)}.fail h2{color:var(--failed)}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(240px,1fr));gap:12px;margin:0 0 12px;padding:0}
.figures>div{border:1px solid var(--line);border-radius:8px;background:var(--card);padding:12px 16px}
.figures dt{color:var(--second);font-size:13px;line-height:18px}
.figures dd{margin:0}.figures .value{font-size:20px;line-height:28px;font-weight:600}
.finding{border:1px solid var(--line);border-left:4px solid var(--unknown-bar);border-radius:8px;background:var(--card);
padding:8px 16px;margin:0 0 8px}
.finding.slow{border-left-color:var(--slow-bar)}.finding.failed{border-left-color:var(--failed-bar)}
.finding strong{font-weight:600}
table{border-collapse:collapse;width:100%;margin:0 0 8px;background:var(--card);border:1px solid var(--line)}
caption{text-align:left;color:var(--second);padding:0 0 8px}
th,td{text-align:left;vertical-align:top;padding:6px 12px;border-bottom:1px solid var(--line);overflow-wrap:normal;
max-width:480px}
.free{min-width:11em;overflow-wrap:anywhere}
th{font-weight:500}thead th{color:var(--second);font-size:13px;line-height:18px}
td.n,th.n{text-align:right;white-space:nowrap}td.n .note{white-space:normal;font-weight:400}td.t{white-space:nowrap}
tbody th[scope=rowgroup]{background:var(--page);font-weight:600}
.bad{color:var(--slow);font-weight:600}.dead{color:var(--failed);font-weight:600}.well{color:var(--good)}
.tag{white-space:nowrap;border:1px solid var(--edge);border-radius:4px;padding:0 4px;font-size:12px;color:var(--second)}
.pictures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(440px,100%),1fr));gap:16px;margin:0 0 8px}
figure{margin:0}
figure img{display:block;max-width:100%;height:auto;background:#fff;border:1px solid var(--line);border-radius:8px}
figcaption{color:var(--second);padding:4px 0 0}
ul{margin:0 0 8px;padding-left:20px}
code{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:13px}
.facts{display:grid;grid-template-columns:max-content 1fr;gap:4px 16px;margin:0}
.facts dt{color:var(--second)}.facts dd{margin:0}
.wide{overflow-x:auto}.wide:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
@page{size:A4;margin:14mm}
@media print{:root{color-scheme:light;--page:#FFFFFF;--line:#C4CCD4}
*{-webkit-print-color-adjust:exact;print-color-adjust:exact}
body{font-size:9pt;line-height:12pt}main{max-width:none;padding:0}
h1{font-size:15pt;line-height:20pt}h2{break-after:avoid;margin:12pt 0 4pt}caption{break-after:avoid;padding-bottom:3pt}
.verdict{margin:8pt 0;padding:6pt 10pt}h2.headline,.figures .value{font-size:13pt;line-height:17pt}.figures{gap:6pt}
.figures>div,.finding{padding:4pt 8pt}thead th,code,.tag,.third,.figures dt{font-size:8pt;line-height:11pt}
thead{display:table-header-group}tr,figure,.finding,.verdict,.figures>div{break-inside:avoid}
th,td{padding:2pt 5pt}.free{min-width:9em}.wide{overflow:visible}.figures{grid-template-columns:repeat(3,1fr)}
.pictures{grid-template-columns:repeat(3,1fr);gap:8pt}figure img{max-height:240mm}}
`;

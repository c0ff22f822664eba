"""A figure that stays on the page and changes in place.

`st.plotly_chart` is mounted anew at every update: it flickers and forgets its zoom. This component keeps its element
and hands plotly.js the new figure (`Plotly.react`), which redraws what changed and keeps the zoom (`uirevision`).
"""

from __future__ import annotations

from importlib.metadata import version

import streamlit as st

from ui.charts import DARK, LIGHT, Figure, Palette

_HTML = """
<figure class="lab-figure" role="group">
  <figcaption><span class="name"></span><span class="value"></span></figcaption>
  <div class="plot" role="img"></div>
  <p class="sentence"></p>
  <p class="summary"></p>
</figure>
"""
_JS = """
let loading;
// To run plotly.js, and to draw, keeps the browser from everything else: first the page is painted, then what is in
// sight is drawn, and what is further down when there is a moment.
const painted = () => new Promise((done) => {
  requestAnimationFrame(() => setTimeout(done));
  setTimeout(done, 500);  // nothing is painted in a tab that nobody sees
});
const moment = () => new Promise((done) => {
  (window.requestIdleCallback ?? setTimeout)(done, { timeout: 500 });
});
const inSight = (plot) => plot.getBoundingClientRect().top < window.innerHeight;
function plotly(source) {
  if (window.Plotly) return Promise.resolve(window.Plotly);
  loading ??= painted().then(() => new Promise((resolve, reject) => {
    const script = document.createElement('script');
    script.src = source;
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => {
      loading = undefined;
      script.remove();
      reject(new Error('plotly.js did not load'));
    };
    document.head.append(script);
  }));
  return loading;
}
const CONFIG = { responsive: false, displayModeBar: false, displaylogo: false, showTips: false };

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector('.lab-figure');
  const plot = root.querySelector('.plot');
  for (const part of ['name', 'value', 'sentence', 'summary']) {
    const element = root.querySelector('.' + part);
    if (element.textContent !== data[part]) element.textContent = data[part];
    element.hidden = !data[part];
  }
  plot.setAttribute('aria-label', [data.name, data.summary].filter(Boolean).join('. '));
  // A figure that is made for a height of the window is scaled as a whole, its letters too.
  const fit = () => {
    const scale = data.designed ? window.innerHeight / data.designed : 1;
    const { height } = data.figure.layout;
    if (data.designed) {
      const style = { width: `${root.clientWidth / scale}px`, height: `${height}px`, transformOrigin: '0 0' };
      Object.assign(plot.style, style, { transform: `scale(${scale})`, marginBottom: `${(scale - 1) * height}px` });
    } else {
      plot.style.minHeight = height + 'px';
    }
    return plot.clientWidth || undefined;
  };
  fit();
  plot.latest = data.figure;
  plotly(data.source).then(async (Plotly) => {
    if (!root.dataset.mounted && !inSight(plot)) await moment();
    while (plot._dragging) await moment();  // plotly.js says so: a hand is drawing the box that it will zoom to
    // The page may have gone on, or left, in the meantime.
    if (!plot.isConnected || plot.latest !== data.figure) return;
    const layout = { ...data.figure.layout, width: fit() };
    root.fit = fit;
    Plotly.react(plot, data.figure.data, layout, CONFIG);
    if (root.dataset.mounted) return;
    root.dataset.mounted = 1;
    const resized = () => {
      const width = plot.isConnected && root.fit();
      if (width && width !== plot.layout.width) Plotly.relayout(plot, { width });
    };
    new ResizeObserver(resized).observe(root);
    if (data.designed) window.addEventListener('resize', resized);
  }).catch((error) => console.error(error));
}
"""
_live_figure = st.components.v2.component("lab_live_figure", html=_HTML, js=_JS, isolate_styles=False)
_SOURCE = f"/assets/plotly.min.js?v={version('plotly')}"


def palette() -> Palette:
    """The colours that suit the visitor's theme."""
    return DARK if st.context.theme.type == "dark" else LIGHT


def live_figure(
    figure: Figure, *, key: str, name: str, summary: str, value: str = "", sentence: str = "", designed_for: int = 0
) -> None:
    """Show a figure under its name and latest value, and below it what it is and how it reads in words.

    key: stays the same from update to update; browser tests find the figure as ``.st-key-<key>``.
    sentence: what the number is, its unit, which way is good. summary: what the curve shows, for who can't see it.
    designed_for: the height of the window that its sizes are meant for; in another one it is scaled. 0: it never is.
    """
    with st.container(key=key, gap=None):
        _live_figure(
            key=f"{key}_figure",
            data={"figure": figure, "name": name, "value": value, "sentence": sentence, "summary": summary}
            | {"source": _SOURCE, "designed": designed_for},
        )

package report

import (
	"fmt"
	"strings"
)

// A plot is an SVG that is readable on light and on dark pages. It needs nothing from
// elsewhere. Coordinates are pixels of a canvas of plotWidth by plotHeight.
type plot struct{ strings.Builder }

const (
	plotWidth, plotHeight = 760, 430
	left, right           = 64.0, 590.0 // of the axes
	top, bottom           = 84.0, 366.0
)

// newPlot begins a plot. description is for those who cannot see it.
func newPlot(title, subtitle, description string) *plot {
	p := &plot{}
	fmt.Fprintf(p, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-labelledby="title">
  <title id="title">%s</title>
  <style>
    text { font: 13px -apple-system, "Segoe UI", "PingFang SC", "Microsoft YaHei", "Helvetica Neue", Arial, sans-serif; fill: #57606a; }
    .page { fill: #ffffff; stroke: #d0d7de; }
    .title { font-size: 18px; font-weight: 600; fill: #24292f; }
    .value { font-weight: 600; }
    .grid { stroke: #eaeef2; }
    .axis { stroke: #8c959f; }
    .end { text-anchor: end; } .middle { text-anchor: middle; }
    path, polyline { fill: none; stroke-width: 2.5; stroke-linejoin: round; stroke-linecap: round; }
    .bound { stroke: #8c959f; } text.bound { fill: #6e7781; }
    .best { stroke: #afb8c1; stroke-dasharray: 2 6; } text.best { fill: #6e7781; }
    .a { stroke: #0969da; } text.a, circle.a { fill: #0969da; } circle { stroke: none; }
    .b { stroke: #bc4c00; } text.b, circle.b { fill: #bc4c00; }
    .c { stroke: #8250df; } text.c, circle.c { fill: #8250df; }
    .gap { fill: #0969da; opacity: .08; stroke: none; }
    text.a, text.b, text.c, text.bound, text.best, circle { stroke: none; }
    text.number { font-weight: 600; paint-order: stroke; stroke: #ffffff; stroke-width: 4px; stroke-linejoin: round; }
    @media (prefers-color-scheme: dark) {
      text { fill: #9198a1; }
      .page { fill: #0d1117; stroke: #3d444d; }
      .title { fill: #f0f6fc; }
      text.number { stroke: #0d1117; }
      .grid { stroke: #21262d; }
      .axis { stroke: #656c76; }
      .bound { stroke: #848d97; } text.bound { fill: #9198a1; }
      .best { stroke: #656c76; } text.best { fill: #9198a1; }
      .a { stroke: #4493f8; } text.a, circle.a { fill: #4493f8; }
      .b { stroke: #f0883e; } text.b, circle.b { fill: #f0883e; }
      .c { stroke: #ab7df8; } text.c, circle.c { fill: #ab7df8; }
      .gap { fill: #4493f8; opacity: .12; }
    }
  </style>
  <rect class="page" x=".5" y=".5" width="%d" height="%d" rx="10"/>
  <text class="title" x="24" y="36">%s</text>
  <text x="24" y="58">%s</text>
`, plotWidth, plotHeight, escape(description), plotWidth-1, plotHeight-1, escape(title), escape(subtitle))
	return p
}

func (p *plot) done() string {
	p.WriteString("</svg>\n")
	return p.String()
}

func (p *plot) line(class string, x1, y1, x2, y2 float64) {
	fmt.Fprintf(p, "  <line class=%q x1=%q y1=%q x2=%q y2=%q/>\n", class, px(x1), px(y1), px(x2), px(y2))
}

func (p *plot) text(class string, x, y float64, s string) {
	fmt.Fprintf(p, "  <text class=%q x=%q y=%q>%s</text>\n", class, px(x), px(y), escape(s))
}

func (p *plot) dot(class string, x, y float64) {
	fmt.Fprintf(p, "  <circle class=%q cx=%q cy=%q r=\"5\"/>\n", class, px(x), px(y))
}

// A point is a place on the canvas.
type point struct{ x, y float64 }

func (p *plot) curve(class string, points []point) {
	fmt.Fprintf(p, "  <polyline class=%q points=%q/>\n", class, coordinates(points))
}

func (p *plot) area(class string, points []point) {
	fmt.Fprintf(p, "  <polygon class=%q points=%q/>\n", class, coordinates(points))
}

func coordinates(points []point) string {
	var s []string
	for _, q := range points {
		s = append(s, px(q.x)+","+px(q.y))
	}
	return strings.Join(s, " ")
}

// shares draws the vertical axis: from none to all.
func (p *plot) shares() {
	for i := range 6 {
		y := height(float64(i) / 5)
		p.line("grid", left, y, right, y)
		p.text("end", left-10, y+4.5, fmt.Sprintf("%d %%", i*20))
	}
	p.line("axis", left, bottom, right, bottom)
}

// height is where a share is on the canvas.
func height(share float64) float64 { return bottom - share*(bottom-top) }

// px writes a coordinate.
func px(v float64) string { return fmt.Sprintf("%.1f", v) }

func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}

// Package plot draws SVGs that are readable on light and on dark pages.
package plot

import (
	"fmt"
	"slices"
	"strings"
)

// A Plot is an SVG that needs nothing from elsewhere. Coordinates are pixels of a canvas of
// 760 by 430. The classes a, b and c are the colours of what is compared.
type Plot struct{ svg strings.Builder }

const plotWidth, plotHeight = 760, 430

// The ends of the axes.
const (
	Left, Right = 64.0, 590.0
	Top, Bottom = 84.0, 366.0
)

// New begins a plot. description is for those who cannot see it.
func New(title, subtitle, description string) *Plot {
	p := &Plot{}
	fmt.Fprintf(&p.svg, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-labelledby="title">
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
    rect.a { fill: #0969da; stroke: none; } rect.b { fill: #bc4c00; stroke: none; } rect.c { fill: #8250df; stroke: none; }
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
      rect.a { fill: #4493f8; } rect.b { fill: #f0883e; } rect.c { fill: #ab7df8; }
      .gap { fill: #4493f8; opacity: .12; }
    }
  </style>
  <rect class="page" x=".5" y=".5" width="%d" height="%d" rx="10"/>
  <text class="title" x="24" y="36">%s</text>
  <text x="24" y="58">%s</text>
`, plotWidth, plotHeight, escape(description), plotWidth-1, plotHeight-1, escape(title), escape(subtitle))
	return p
}

// Done ends the plot and returns it.
func (p *Plot) Done() string {
	p.svg.WriteString("</svg>\n")
	return p.svg.String()
}

// Line draws a straight line.
func (p *Plot) Line(class string, x1, y1, x2, y2 float64) {
	fmt.Fprintf(&p.svg, "  <line class=%q x1=%q y1=%q x2=%q y2=%q/>\n", class, px(x1), px(y1), px(x2), px(y2))
}

// Text writes s, whose line begins, is centred or ends at x as class says: by default, middle, end.
func (p *Plot) Text(class string, x, y float64, s string) {
	fmt.Fprintf(&p.svg, "  <text class=%q x=%q y=%q>%s</text>\n", class, px(x), px(y), escape(s))
}

// Dot draws a point of a curve.
func (p *Plot) Dot(class string, x, y float64) {
	fmt.Fprintf(&p.svg, "  <circle class=%q cx=%q cy=%q r=\"5\"/>\n", class, px(x), px(y))
}

// A Point is a place on the canvas.
type Point struct{ X, Y float64 }

// At returns a place.
func At(x, y float64) Point { return Point{x, y} }

// Curve draws a line through points.
func (p *Plot) Curve(class string, points []Point) {
	fmt.Fprintf(&p.svg, "  <polyline class=%q points=%q/>\n", class, coordinates(points))
}

// Area fills what points surround.
func (p *Plot) Area(class string, points []Point) {
	fmt.Fprintf(&p.svg, "  <polygon class=%q points=%q/>\n", class, coordinates(points))
}

func coordinates(points []Point) string {
	var s []string
	for _, q := range points {
		s = append(s, px(q.X)+","+px(q.Y))
	}
	return strings.Join(s, " ")
}

// Shares draws the vertical axis: from none to all.
func (p *Plot) Shares() {
	for i := range 6 {
		y := Height(float64(i) / 5)
		p.Line("grid", Left, y, Right, y)
		p.Text("end", Left-10, y+4.5, fmt.Sprintf("%d %%", i*20))
	}
	p.Line("axis", Left, Bottom, Right, Bottom)
}

// Scale draws the vertical axis of numbers from 0 to most, in equal steps.
func (p *Plot) Scale(most float64, steps int, format func(float64) string) {
	for i := range steps + 1 {
		share := float64(i) / float64(steps)
		p.Line("grid", Left, Height(share), Right, Height(share))
		p.Text("end", Left-10, Height(share)+4.5, format(share*most))
	}
	p.Line("axis", Left, Bottom, Right, Bottom)
}

// Ticks draws marks on the horizontal axis for numbers from 0 to most, and what they are.
func (p *Plot) Ticks(most float64, steps int, format func(float64) string, what string) {
	for i := range steps + 1 {
		share := float64(i) / float64(steps)
		x := Left + share*(Right-Left)
		p.Line("axis", x, Bottom, x, Bottom+5)
		p.Text("middle", x, Bottom+22, format(share*most))
	}
	p.Text("middle", (Left+Right)/2, Bottom+46, what)
}

// Bar fills a bar that stands on the horizontal axis.
func (p *Plot) Bar(class string, x, width, share float64) {
	fmt.Fprintf(&p.svg, "  <rect class=%q x=%q y=%q width=%q height=%q/>\n", class, px(x), px(Height(share)), px(width), px(Bottom-Height(share)))
}

// Height is where a share is on the canvas.
func Height(share float64) float64 { return Bottom - share*(Bottom-Top) }

// A Label names a curve at its right end.
type Label struct {
	Class string
	Y     float64
	Text  string
}

// Labels writes labels beside the axes, none over another.
func (p *Plot) Labels(ls []Label) {
	slices.SortStableFunc(ls, func(a, b Label) int { return int(a.Y - b.Y) })
	y := 0.0
	for _, l := range ls {
		y = max(y+18, l.Y+4.5)
		p.Text(l.Class, Right+10, y, l.Text)
	}
}

// px writes a coordinate.
func px(v float64) string { return fmt.Sprintf("%.1f", v) }

func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}

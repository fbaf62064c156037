/* A live chart of some series, by uPlot; a table of the last values stands beside it for who does not see it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import uPlot from './uPlot.esm.js';
import { clock, make, short } from './dom.js';

const HEIGHT = 190;
const SPAN_MIN = 10; // s; less to see would need times with fractions
const TOP_MIN = 4; // so that marks at the side are whole numbers

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export class Chart {
    /* lines: [{ name, label, colour: '--line-1' }]; format(value) for axis and legend; steps between marks, if not tens. */
    constructor(title, lines, format = short, steps = undefined) {
        this.lines = lines;
        this.format = format;
        this.steps = steps;
        this.now = lines.map(({ label }) => make('span', { className: 'now' }, `${label} –`));
        this.place = make('div', { className: 'plot', ariaHidden: 'true' });
        this.element = make('figure', { className: 'card chart' },
            make('figcaption', {}, make('h2', {}, title), make('p', { className: 'note' }, this.now)), this.place);
        this.now.forEach((element, i) => element.style.setProperty('--key', `var(${lines[i].colour})`));
        this.resized = new ResizeObserver(() => this.plot?.setSize({ width: this.place.clientWidth, height: HEIGHT }));
        this.scheme = matchMedia('(prefers-color-scheme: dark)');
        this.changed = () => this.draw(this.data);
        this.scheme.addEventListener('change', this.changed);
    }

    close() {
        this.resized.disconnect();
        this.scheme.removeEventListener('change', this.changed);
        this.plot?.destroy();
    }

    options() {
        const axis = {
            stroke: colour('--soft'),
            grid: { stroke: colour('--line'), width: 1 },
            ticks: { stroke: colour('--line'), width: 1 },
        };
        return {
            width: this.place.clientWidth,
            height: HEIGHT,
            legend: { show: false },
            cursor: { y: false },
            scales: {
                x: { range: ({ data: [times] }) => [Math.min(times[0], times.at(-1) - SPAN_MIN), times.at(-1)] },
                y: { range: (plot, low, high) => [0, Math.max(high * 1.1, TOP_MIN)] },
            },
            axes: [{ ...axis, size: 32, space: 80, values: (plot, values) => values.map((value) => clock(value * 1000)) }, { ...axis, size: 84, incrs: this.steps, values: (plot, values) => values.map((value) => this.format(value)) }],
            series: [{}, ...this.lines.map((line) => ({
                label: line.label,
                stroke: colour(line.colour),
                width: 2,
                points: { show: false },
            }))],
        };
    }

    draw(data) {
        this.plot?.destroy();
        this.data = data;
        this.plot = new uPlot(this.options(), data, this.place);
        this.resized.observe(this.place);
    }

    update(numbers) {
        const data = [numbers.times, ...this.lines.map(({ name }) => numbers.series.get(name) ?? [])];
        if (this.plot) {
            this.data = data;
            this.plot.setData(data);
        } else {
            this.draw(data);
        }
        this.lines.forEach((line, i) => {
            const value = data[i + 1].at(-1);
            this.now[i].textContent = `${line.label} ${value === null || value === undefined ? '–' : this.format(value)}`;
        });
    }
}

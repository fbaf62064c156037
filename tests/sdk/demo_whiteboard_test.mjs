/* examples/whiteboard: three people draw, see each other's strokes and cursors; who comes late gets the picture.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from 'node:assert/strict';
import { Demo } from './lib/demo.mjs';
import { run, test } from './lib/runner.mjs';
import { until } from './lib/wait.mjs';

const demo = await Demo.start('whiteboard');
const open = (name, look) => demo.open({ look, target: `?name=${name}` });

/* Is there a stroke at this part of the board? */
const isDrawn = (page, x, y) =>
    page.locator('canvas').evaluate(
        (canvas, [left, top]) =>
            canvas.getContext('2d').getImageData(left * canvas.width, top * canvas.height, 1, 1).data[3] > 0,
        [x, y],
    );
const sees = (page, x, y) => until(`a stroke at ${x}, ${y}`, () => isDrawn(page, x, y));

async function draw(page, color, points) {
    await page.getByRole('button', { name: color }).click();
    const box = await page.locator('canvas').boundingBox();
    const at = ([x, y]) => [box.x + x * box.width, box.y + y * box.height];
    await page.mouse.move(...at(points[0]));
    await page.mouse.down();
    for (const point of points.slice(1)) {
        await page.mouse.move(...at(point), { steps: 12 });
    }
    await page.mouse.up();
}

const wave = (top) => Array.from({ length: 9 }, (_, i) => [0.1 + i * 0.1, top + (i % 2) * 0.12]);

test('everybody sees every stroke, and where the others are', async () => {
    const [anna, ben, cleo] = [await open('Anna'), await open('Ben', 'dark'), await open('Cleo', 'phone')];
    await draw(anna, 'red', wave(0.15));
    await draw(ben, 'blue', wave(0.45));
    await draw(cleo, 'green', wave(0.75));
    for (const page of [anna, ben, cleo]) {
        await sees(page, 0.1, 0.15);
        await sees(page, 0.9, 0.45);
        await sees(page, 0.5, 0.75);
    }
    await anna.locator('.cursor', { hasText: 'Ben' }).waitFor();
    await anna.locator('.cursor', { hasText: 'Cleo' }).waitFor();
    assert.equal(await anna.locator('.cursor', { hasText: 'Anna' }).count(), 0);
    await demo.picture(anna, 'light');
    await demo.picture(ben, 'dark');
    await demo.picture(cleo, 'phone');
});

test('who comes late gets the picture', async () => {
    const late = await open('Dora');
    await sees(late, 0.1, 0.15);
    await sees(late, 0.9, 0.45);
    assert.equal(await isDrawn(late, 0.02, 0.02), false);
    await demo.picture(late, 'late');
    const other = await open('Emil');
    await late.getByRole('button', { name: 'Clear' }).click();
    await until('all is cleared', async () => !(await isDrawn(other, 0.1, 0.15)));
    await until('so is what late comers get', async () => (await (await fetch(`${demo.url}picture`)).json()).length === 0);
    assert.equal(await isDrawn(await open('Finn'), 0.1, 0.15), false);
});

test('a tap is a point, quick strokes are whole, and two fingers draw one stroke', async () => {
    const [anna, ben] = [await open('Anna'), await open('Ben')];
    const box = await anna.locator('canvas').boundingBox();
    await anna.mouse.click(box.x + 0.5 * box.width, box.y + 0.05 * box.height);
    await sees(ben, 0.5, 0.05);
    await anna.locator('canvas').evaluate((canvas) => {
        const { left, top, width, height } = canvas.getBoundingClientRect();
        const point = (type, pointerId, x, y) => canvas.dispatchEvent(new PointerEvent(type, {
            ...{ pointerId, isPrimary: pointerId === 1, buttons: type === 'pointerup' ? 0 : 1 },
            ...{ clientX: left + x * width, clientY: top + y * height },
        }));
        canvas.setPointerCapture = () => {}; // of these pointers the browser knows nothing
        for (let i = 1; i < 10; i++) { // all in one frame
            point('pointerdown', 1, i / 10, 0.5);
            point('pointermove', 1, i / 10, 0.6);
            point('pointerup', 1, i / 10, 0.6);
        }
        point('pointerdown', 1, 0.1, 0.8);
        point('pointerdown', 2, 0.9, 0.8);
        point('pointermove', 2, 0.9, 0.7);
        point('pointermove', 1, 0.1, 0.9);
        point('pointerup', 2, 0.9, 0.7);
        point('pointerup', 1, 0.1, 0.9);
    });
    for (let i = 1; i < 10; i++) {
        await sees(ben, i / 10, 0.55);
    }
    await sees(ben, 0.1, 0.85);
    assert.equal(await isDrawn(anna, 0.5, 0.8), false);
    assert.equal(await isDrawn(anna, 0.9, 0.75), false);
    await ben.locator('.cursor').first().waitFor();
    await ben.locator('.cursor').first().waitFor({ state: 'detached' }); // Anna has stopped
});

test('a page that was away has the same picture as the others', async () => {
    const [anna, ben] = [await open('Anna'), await open('Ben')];
    const status = (text) => ben.getByRole('status').getByText(text).waitFor();
    await ben.addInitScript(() => {
        window.WebSocket = class extends WebSocket {
            constructor(...words) { super(...words); window.socket = this; }
        };
    });
    await ben.reload();
    await status('Live');
    await draw(anna, 'red', [[0.1, 0.3], [0.9, 0.3]]);
    await sees(ben, 0.5, 0.3);
    let isAway = true;
    await ben.route('**/negotiate*', (route) => (isAway ? route.fulfill({ body: 'not now' }) : route.continue()));
    await ben.evaluate(() => window.socket.close());
    await status('Connecting');
    await anna.getByRole('button', { name: 'Clear' }).click();
    await draw(ben, 'blue', [[0.2, 0.4], [0.8, 0.4]]);
    isAway = false;
    await status('Live');
    await sees(anna, 0.5, 0.4);
    await until('what was cleared is cleared', async () => !(await isDrawn(ben, 0.5, 0.3)));
    assert.ok(await isDrawn(ben, 0.5, 0.4));
});

await run();


/* What falls into one cell when the square around the ink is laid over BOX x BOX cells: exact, in parts of side^2. */
static uint64_t ink_in_cell(const uint8_t *ink, int stride, int height, int width, int row, int column)
{
    const int32_t side = height > width ? height : width;
    const int32_t above = (side - height) / 2, before = (side - width) / 2;
    const int32_t top = row * side, bottom = top + side, left = column * side, right = left + side;
    uint64_t sum = 0;
    for (int32_t y = top / BOX - above < 0 ? 0 : top / BOX - above; y < height && (y + above) * BOX < bottom; ++y) {
        const int32_t start = (y + above) * BOX > top ? (y + above) * BOX : top;
        const int32_t end = (y + above + 1) * BOX < bottom ? (y + above + 1) * BOX : bottom;
        uint32_t line = 0;
        for (int32_t x = left / BOX - before < 0 ? 0 : left / BOX - before; x < width && (x + before) * BOX < right; ++x) {
            const int32_t from = (x + before) * BOX > left ? (x + before) * BOX : left;
            const int32_t to = (x + before + 1) * BOX < right ? (x + before + 1) * BOX : right;
            line += (uint32_t)(to - from) * ink[(size_t)y * (size_t)stride + (size_t)x];
        }
        sum += (uint64_t)(end - start) * line;
    }
    return sum;
}

/* Where a box of BOX pixels begins whose centre of mass, moment / mass, is to lie on the frame's middle. */
static int offset_of(int64_t moment, int64_t mass)
{
    return (int)(((SIZE + 1) * mass - 2 * moment) / (2 * mass));
}

int INKSIGHT(frame)(const uint8_t *grey, int width, int height, uint8_t image[SIZE * SIZE])
{
    uint8_t box[BOX * BOX];
    int top = height, bottom = -1, left = width, right = -1;
    uint64_t brightest = 0;
    int64_t mass = 0, down = 0, across = 0;

    memset(image, 0, SIZE * SIZE);
    for (int y = 0; y < height; ++y) {
        for (int x = 0; x < width; ++x) {
            if (grey[(size_t)y * (size_t)width + (size_t)x] == 0) continue;
            if (y < top) top = y;
            if (x < left) left = x;
            if (x > right) right = x;
            bottom = y;
        }
    }
    if (bottom < 0) return 0;

    grey += (size_t)top * (size_t)width + (size_t)left;
    for (int pass = 0; pass < 2; ++pass) { /* twice, so as to keep no sums */
        for (int i = 0; i < BOX * BOX; ++i) {
            const uint64_t sum = ink_in_cell(grey, width, bottom + 1 - top, right + 1 - left, i / BOX, i % BOX);
            if (pass == 0) {
                brightest = sum > brightest ? sum : brightest;
            } else {
                box[i] = (uint8_t)((510 * sum + brightest) / (2 * brightest));
                mass += box[i];
                down += (int64_t)box[i] * (i / BOX);
                across += (int64_t)box[i] * (i % BOX);
            }
        }
    }

    top = offset_of(down, mass);
    left = offset_of(across, mass);
    for (int i = 0; i < BOX * BOX; ++i) {
        const int y = top + i / BOX, x = left + i % BOX;
        if (y >= 0 && y < SIZE && x >= 0 && x < SIZE) image[y * SIZE + x] = box[i];
    }
    return 1;
}

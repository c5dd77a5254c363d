/* Sums of products of LANES filters side by side with what lies under them. Sums with names stay in registers,
   whatever the compiler; behind a ReLU most values are 0. */
static void products(float *sums, const float *in, const weight *kernel, int reach, int run, int row)
{
    float s0 = 0.0f, s1 = 0.0f, s2 = 0.0f, s3 = 0.0f, s4 = 0.0f, s5 = 0.0f, s6 = 0.0f, s7 = 0.0f;
    float s8 = 0.0f, s9 = 0.0f, s10 = 0.0f, s11 = 0.0f, s12 = 0.0f, s13 = 0.0f, s14 = 0.0f, s15 = 0.0f;
    for (int y = 0; y < reach; ++y) {
        const float *values = in + y * row;
        for (int i = 0; i < run; ++i, kernel += LANES) {
            const float value = values[i];
            if (value == 0.0f) continue;
            s0 += value * kernel[0];
            s1 += value * kernel[1];
            s2 += value * kernel[2];
            s3 += value * kernel[3];
            s4 += value * kernel[4];
            s5 += value * kernel[5];
            s6 += value * kernel[6];
            s7 += value * kernel[7];
            s8 += value * kernel[8];
            s9 += value * kernel[9];
            s10 += value * kernel[10];
            s11 += value * kernel[11];
            s12 += value * kernel[12];
            s13 += value * kernel[13];
            s14 += value * kernel[14];
            s15 += value * kernel[15];
        }
    }
    sums[0] = s0, sums[1] = s1, sums[2] = s2, sums[3] = s3, sums[4] = s4, sums[5] = s5, sums[6] = s6, sums[7] = s7;
    sums[8] = s8, sums[9] = s9, sums[10] = s10, sums[11] = s11;
    sums[12] = s12, sums[13] = s13, sums[14] = s14, sums[15] = s15;
}

/* A convolution, or a dense layer: for each filter the largest sum under each window, and the bias. The kernel lies in
   blocks of LANES filters, the last one filled up with 0. */
static void convolve(float *out, const float *in, const weight *kernel, const float *bias, const convolution *size)
{
    for (int first = 0; first < size->filters; first += LANES) {
        const int lanes = size->filters - first < LANES ? size->filters - first : LANES;
        float *place = out + first;
        for (int y = 0; y < size->rows; ++y) {
            for (int x = 0; x < size->columns; ++x, place += size->filters) {
                const float *corner = in + y * size->window_down + x * size->window_right;
                float best[LANES], sums[LANES];
                products(best, corner, kernel, size->reach, size->run, size->row);
                for (int inner = 1; inner < size->tall * size->wide; ++inner) {
                    const int offset = inner / size->wide * size->down + inner % size->wide * size->right;
                    products(sums, corner + offset, kernel, size->reach, size->run, size->row);
                    for (int lane = 0; lane < LANES; ++lane) {
                        best[lane] = sums[lane] > best[lane] ? sums[lane] : best[lane];
                    }
                }
                for (int lane = 0; lane < lanes; ++lane) place[lane] = best[lane] + bias[first + lane];
            }
        }
        kernel += size->reach * size->run * LANES;
    }
}

/* The largest under each window: rows x columns of them, `tall` x `wide` places of `channels` each. */
static void pool(float *out, const float *in, int rows, int columns, int channels,
                 int tall, int wide, int row, int down, int right)
{
    for (int y = 0; y < rows; ++y) {
        for (int x = 0; x < columns; ++x, out += channels) {
            const float *corner = in + y * down + x * right;
            memcpy(out, corner, (size_t)channels * sizeof(float));
            for (int inner = 1; inner < tall * wide; ++inner) {
                const float *values = corner + inner / wide * row + inner % wide * channels;
                for (int c = 0; c < channels; ++c) out[c] = values[c] > out[c] ? values[c] : out[c];
            }
        }
    }
}

/* Rows and columns around a picture. */
static void pad(float *out, const float *in, int rows, int columns, int channels,
                int grown_rows, int grown_columns, int top, int left, float value)
{
    for (int i = 0; i < grown_rows * grown_columns * channels; ++i) out[i] = value;
    for (int y = 0; y < rows; ++y) {
        memcpy(out + ((y + top) * grown_columns + left) * channels, in + y * columns * channels,
               (size_t)(columns * channels) * sizeof(float));
    }
}

/* The mean of each channel. */
static void average(float *out, const float *in, int places, int channels)
{
    for (int c = 0; c < channels; ++c) out[c] = 0.0f;
    for (int i = 0; i < places; ++i) {
        for (int c = 0; c < channels; ++c) out[c] += in[i * channels + c];
    }
    for (int c = 0; c < channels; ++c) out[c] /= (float)places;
}

/* value * kernel + bias, by channel. */
static void scale(float *out, const float *in, const float *kernel, const float *bias, int places, int channels)
{
    for (int i = 0; i < places; ++i) {
        for (int c = 0; c < channels; ++c) out[i * channels + c] = in[i * channels + c] * kernel[c] + bias[c];
    }
}

/* The same of bytes. */
static void scale_bytes(float *out, const uint8_t *in, const float *kernel, const float *bias, int places, int channels)
{
    for (int i = 0; i < places; ++i) {
        for (int c = 0; c < channels; ++c) out[i * channels + c] = (float)in[i * channels + c] * kernel[c] + bias[c];
    }
}

/* One array's channels among those of all. */
static void join(float *out, const float *in, int places, int channels, int all_channels)
{
    for (int i = 0; i < places; ++i) {
        memcpy(out + i * all_channels, in + i * channels, (size_t)channels * sizeof(float));
    }
}

/* Value by value, the mean of some arrays. */
static void mean(float *out, const float *const *in, int number, int count)
{
    for (int i = 0; i < count; ++i) {
        float sum = 0.0f;
        for (int n = 0; n < number; ++n) sum += in[n][i];
        out[i] = sum / (float)number;
    }
}

/* Value by value, the product of two arrays. */
static void multiply(float *out, const float *left, const float *right, int count)
{
    for (int i = 0; i < count; ++i) out[i] = left[i] * right[i];
}

/* Logits to probabilities. */
static void softmax(float *out, const float *in, int places, int channels)
{
    for (int i = 0; i < places; ++i, in += channels, out += channels) {
        float largest = in[0], sum = 0.0f;
        for (int c = 1; c < channels; ++c) largest = in[c] > largest ? in[c] : largest;
        for (int c = 0; c < channels; ++c) sum += out[c] = expf(in[c] - largest);
        for (int c = 0; c < channels; ++c) out[c] /= sum;
    }
}

/* Probabilities to logits over the temperature. */
static void cool(float *values, float temperature, int count)
{
    for (int i = 0; i < count; ++i) values[i] = logf(values[i] > SMALLEST ? values[i] : SMALLEST) / temperature;
}

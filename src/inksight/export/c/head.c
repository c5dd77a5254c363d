/* A classifier of $size_px x $size_px $colour pictures, in plain C99: no libraries beside the C compiler's own, no malloc.
 *
 * $about
 *
 * Flash: $flash bytes of weights, and some kilobytes of code. RAM: $ram bytes that are always taken, and about
 * $stack of stack. Work: at most $products products a picture; those with 0 are left out.
 * One answer at a time: two threads would share that memory.
 *
 * Compile it with your program (cc -O2 program.c model.c -lm); a program that has
 *     #define INKSIGHT_HEADER
 * before it includes this file gets the declarations alone. For two models in one program give one of them names of its
 * own: -DINKSIGHT_PREFIX=letters makes letters_predict of inksight_predict. -DINKSIGHT_MAIN adds a main that answers a
 * file of raw pictures.
 */

#ifndef INKSIGHT_PREFIX
#define INKSIGHT_PREFIX inksight
#endif
#define INKSIGHT_JOINED(prefix, name) prefix##_##name
#define INKSIGHT_NAME(prefix, name) INKSIGHT_JOINED(prefix, name)
#define INKSIGHT(name) INKSIGHT_NAME(INKSIGHT_PREFIX, name)

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { INKSIGHT(size_px) = $size_px, INKSIGHT(channels) = $channels, INKSIGHT(num_classes) = $num_classes };

/* What to make of an answer: it is that class; it may be; it is none of the classes at all. */
enum { INKSIGHT(class) = 0, INKSIGHT(unsure) = 1, INKSIGHT(rejected) = 2 };

/* The names of the classes, UTF-8. */
extern const char *const INKSIGHT(labels)[$num_classes];

/* Answers one picture.
   image: $size_px rows of $size_px pixels$of_channels, 0 to 255, as the network was trained on them$framed_as.
   probabilities: what comes out, 0 to 1 and 1 together, calibrated.
   Returns the likeliest class, 0 to $last_class. */
int INKSIGHT(predict)(const uint8_t image[$picture_bytes], float probabilities[$num_classes]);

/* What to make of the probabilities that came out: INKSIGHT(class), INKSIGHT(unsure) or INKSIGHT(rejected). */
int INKSIGHT(verdict)(const float probabilities[$num_classes]);
$declared_frame
#ifdef __cplusplus
}
#endif

#ifndef INKSIGHT_HEADER
#include <math.h>
#include <string.h>

#define SIZE $size_px
#define CLASSES $num_classes
#define PICTURE_BYTES $picture_bytes
#define LANES $lanes

/* Below these an answer is unsure, or rejected. */
#ifndef INKSIGHT_UNSURE_BELOW
#define INKSIGHT_UNSURE_BELOW $unsure_below /* of the likeliest class: its probability, 0 to 1 */
#endif
#ifndef INKSIGHT_REJECTED_BELOW
#define INKSIGHT_REJECTED_BELOW $rejected_below /* log of its odds against the others' geometric mean, 0 or more */
#endif
#define SMALLEST 1e-30f /* probability whose logarithm is taken */

typedef $weight weight;

/* What comes out of a convolution and the pool behind it: `rows` x `columns` of `filters`. Then, in floats of what goes
   in, the way from one window of the pool to the next; the kernel's rows, the length of one, and the way to the next;
   the size of the pool's window in places of the kernel, and the way from one of these to the next. */
typedef struct {
    int rows, columns, filters, window_down, window_right, reach, run, row, tall, wide, down, right;
} convolution;

const char *const INKSIGHT(labels)[CLASSES] = {$labels};


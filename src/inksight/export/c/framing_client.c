/* Answers one grey picture, 160 x 120 raw bytes on standard input: cc -O2 client.c $file -lm */
#define INKSIGHT_HEADER
#include "$file"
#include <stdio.h>

enum { width = 160, height = 120 };

int main(void)
{
    static uint8_t grey[width * height], image[inksight_size_px * inksight_size_px];
    static const char *const words[] = {"", "perhaps ", "none of the classes; nearest is "}; /* by verdict */
    float probabilities[inksight_num_classes];
    int best;

    if (fread(grey, 1, sizeof grey, stdin) != sizeof grey) return 1; /* or take it from your camera */
    for (int i = 0; i < width * height; ++i) {
        grey[i] = grey[i] < 160 ? (uint8_t)(160 - grey[i]) : 0; /* dark ink on paper: bright ink, and all else 0 */
    }
    if (!inksight_frame(grey, width, height, image)) {
        puts("blank");
        return 0;
    }
    best = inksight_predict(image, probabilities);
    printf("%s%s\n", words[inksight_verdict(probabilities)], inksight_labels[best]);
    return 0;
}
